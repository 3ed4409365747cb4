import ArgumentParser
import Foundation

/// The program's entry. Called under a component's original name (`clymene-agent`, by a symlink) it starts that role.
@main
enum Entry {
  static func main() async {
    Allocator.setUp()
    // A reader that goes away (a pipe, a closed connection) is an error of that write, not the end of the program.
    signal(SIGPIPE, SIG_IGN)
    await Clymene.main(arguments(CommandLine.arguments))
  }

  /// The arguments behind the program's name, with the role in front when the name says it.
  static func arguments(_ all: [String]) -> [String] {
    let name = all.first.map { URL(fileURLWithPath: $0).lastPathComponent } ?? ""
    let rest = Array(all.dropFirst())
    // The original's components keep their own version and help under such a name.
    let roles = [
      "clymene-agent": "agent", "clymene-gateway": "gateway", "promtail-gateway": "promtail-gateway",
    ]
    guard let role = roles[name], !["version", "--help", "-h"].contains(rest.first) else { return rest }
    return [role] + rest
  }
}

struct Clymene: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clymene",
    abstract: "Collects metrics and logs and brings them, complete, to where they belong.",
    discussion: """
      Exit codes: 0 fine, 1 an error, 2 damage was found in a log, 64 wrong arguments, 130 and 143 ended by a second \
      SIGINT or SIGTERM.
      """,
    subcommands: [
      AgentCommand.self, GatewayCommand.self, PromtailGatewayCommand.self, CheckConfigCommand.self, WALCommand.self,
      VersionCommand.self,
      CompletionsCommand.self,
    ])
}
