import ArgumentParser
import Codec
import WAL

struct WALDeadLettersShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "A dead letter: the whole answer, its blocks, and with --samples all of them.")

  @Argument(help: "The letter's number, as in the list.")
  var number: UInt64

  @OptionGroup var options: LogOptions

  @Flag(help: "Print every sample or log entry, too.")
  var samples = false

  func run() async throws {
    try await options.run { inspector in
      let all = try inspector.deadLetters()
      guard let item = all.first(where: { $0.number == number }) else {
        throw LogError(.misuse, "no dead letter has the number \(number)")
      }
      do throws(LogError) {
        let letter = try inspector.deadLetter(item)
        let shown = try ShownLetter(item, letter, samples: samples)
        if try !printJSON(shown) { print(shown.text) }
      } catch {
        // What can be read of it helps whoever has to decide.
        if error.kind == .damaged, try !options.printJSON(ListedLetter(item)) {
          print(ShownLetter.headerLines(item).joined(separator: "\n"))
        }
        throw error
      }
    }
  }

  private func printJSON(_ shown: ShownLetter) throws(LogError) -> Bool {
    do {
      return try options.printJSON(shown)
    } catch {
      throw LogError(.refused, "dead letter \(number): cannot be shown as JSON: \(error)")
    }
  }
}

/// A dead letter as it is shown.
struct ShownLetter: Encodable {
  var letter: ListedLetter
  var blocks: [ShownBlock]
  private var lines: [String]

  private enum CodingKeys: CodingKey { case letter, blocks }

  init(_ item: DeadLetters.Item, _ letter: DeadLetter, samples: Bool) throws(LogError) {
    self.letter = ListedLetter(item)
    lines = ShownLetter.headerLines(item)
    do {
      blocks = try letter.tabled.map { try ShownBlock($0, offsets: nil, samples: samples) }
    } catch {
      throw LogError(.damaged, "dead-letters/\(item.file): \(error)")
    }
  }

  var text: String {
    let shown = blocks.enumerated().map { "block \($0.offset + 1) of \(blocks.count)\n\($0.element.text)" }
    return ([lines.joined(separator: "\n")] + shown).joined(separator: "\n\n")
  }

  static func headerLines(_ item: DeadLetters.Item) -> [String] {
    var lines = [
      "letter     \(item.number), \(Show.bytes(item.bytes)), \(item.state)",
      "file       dead-letters/\(item.file)",
      "forwarder  \(Show.plain(item.consumer))",
    ]
    guard let header = item.header else { return lines }
    if header.consumer != item.consumer { lines[2] += ", refused for \(Show.plain(header.consumer))" }
    lines += [
      "refused    \(Show.time(header.refused.rawValue)), sent \(header.attempts) times, generation \(header.generation)",
      "holds      \(header.rows) rows, \(header.entries) samples or log entries",
      "reason     "
        + Show.plain(header.reason).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        .joined(separator: "\n           "),
    ]
    return lines
  }
}
