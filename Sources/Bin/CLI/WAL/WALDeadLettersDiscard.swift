import ArgumentParser
import Foundation
import WAL

struct WALDeadLettersDiscard: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discard", abstract: "Deletes dead letters for good.",
    discussion: "On a terminal it asks for --yes, since nothing brings them back.")

  @OptionGroup var arguments: LetterArguments

  @Flag(help: "Delete without asking.")
  var yes = false

  func validate() throws {
    if arguments.numbers.isEmpty { throw ValidationError("name the numbers of the letters") }
  }

  func run() async throws {
    try await arguments.place.run { inspector in
      let chosen = try arguments.letters(in: inspector.deadLetters())
      if !yes, isatty(STDIN_FILENO) == 1 {
        print(WALDeadLettersCommand.table(chosen))
        throw ValidationError("nothing was deleted; with --yes these \(chosen.count) go for good")
      }
      let (done, gone) = try LetterArguments.each(chosen) { item throws(LogError) in try inspector.discard(item) }
      if try !arguments.place.printJSON(["discarded": done, "gone": gone]) {
        print("discarded: \(done.map(String.init).joined(separator: ", "))")
      }
      try LetterArguments.report(gone: gone)
    }
  }
}
