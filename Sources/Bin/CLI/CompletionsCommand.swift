import ArgumentParser

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Prints a completion script for a shell.",
    discussion: """
      bash: clymene completions bash > /etc/bash_completion.d/clymene
      zsh:  clymene completions zsh > ~/.zfunc/_clymene   (a folder of $fpath)
      fish: clymene completions fish > ~/.config/fish/completions/clymene.fish
      """)

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash
    case zsh
    case fish
  }

  func run() {
    let script: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    print(Clymene.completionScript(for: script))
  }
}
