import ArgumentParser
import Foundation
import WAL

struct WALVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Reads everything and checks every checksum.",
    discussion: "Exit code 0 when all is well, 2 when something is damaged; each damaged place has a line.")

  @OptionGroup var options: LogOptions

  func run() async throws {
    try await options.run { inspector in
      let isTerminal = isatty(STDERR_FILENO) == 1
      let found = try inspector.verify { segment in
        if isTerminal { FileHandle.standardError.write(Data("reading \(segment.file)\u{1b}[K\r".utf8)) }
      }
      if isTerminal { FileHandle.standardError.write(Data("\u{1b}[K".utf8)) }
      if try !options.printJSON(found) {
        let verdict = found.isSound ? "sound" : "\(found.problems.count) damaged places"
        print(
          "\(found.segments) segments, \(found.blocks) blocks, \(found.rows) rows, \(found.tables) tables, "
            + "\(found.deadLetters) dead letters, \(Show.bytes(found.bytes)): \(verdict)")
      }
      try report(found.problems)
    }
  }
}
