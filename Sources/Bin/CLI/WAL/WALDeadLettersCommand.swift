import ArgumentParser
import WAL

struct WALDeadLettersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead-letters",
    abstract: "What destinations refused for good: shows it, has it sent again, deletes it.",
    discussion: "Works while the agent runs.",
    subcommands: [List.self, WALDeadLettersShow.self, WALDeadLettersRedrive.self, WALDeadLettersDiscard.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Each dead letter, and why it was refused.")

    @OptionGroup var options: LogOptions

    @Option(help: "Only those of this forwarder.")
    var consumer: String?

    func run() async throws {
      try await options.run { inspector in
        let items = try inspector.deadLetters().filter { consumer == nil || $0.consumer == consumer }
        if try !options.printJSON(items.map(ListedLetter.init)) { print(WALDeadLettersCommand.table(items)) }
        try report(items.compactMap(\.verifyProblem))
      }
    }
  }

  static func table(_ items: [DeadLetters.Item]) -> String {
    var table = TextTable([
      ("number", .right), ("forwarder", .left), ("refused", .left), ("rows", .right), ("entries", .right),
      ("bytes", .right), ("attempts", .right), ("state", .left), ("reason", .left),
    ])
    for item in items {
      let header = item.header
      table.add([
        "\(item.number)", Show.plain(item.consumer), Show.time(header?.refused.rawValue),
        header.map { "\($0.rows)" } ?? "–", header.map { "\($0.entries)" } ?? "–", Show.bytes(item.bytes),
        header.map { "\($0.attempts)" } ?? "–", item.state, firstLine(header?.reason ?? ""),
      ])
    }
    return table.text
  }

  /// What fits beside the other columns.
  private static func firstLine(_ reason: String) -> String {
    let line = Show.plain(reason.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
    return line.count > 100 ? line.prefix(99) + "…" : line
  }
}

extension DeadLetters.Item {
  var state: String { problem != nil ? "damaged" : isMarkedForRedrive ? "to be sent again" : "kept" }

  var verifyProblem: VerifyProblem? { problem.map { VerifyProblem(file: "dead-letters/\(file)", what: $0) } }
}

/// A dead letter as JSON.
struct ListedLetter: Encodable {
  var number: UInt64
  var file: String
  /// Who gets it when it is sent again.
  var consumer: String
  /// kept, redrive or damaged.
  var state: String
  var bytes: UInt64
  /// Who could not deliver it.
  var refusedFor: String?
  var generation: UInt64?
  /// Milliseconds since 1970.
  var refusedAt: Int64?
  var attempts: UInt32?
  var rows: UInt64?
  var entries: UInt64?
  var reason: String?
  var problem: String?

  init(_ item: DeadLetters.Item) {
    number = item.number
    file = item.file
    consumer = item.consumer
    state = item.problem != nil ? "damaged" : item.isMarkedForRedrive ? "redrive" : "kept"
    bytes = item.bytes
    refusedFor = item.header?.consumer
    generation = item.header?.generation
    refusedAt = item.header?.refused.rawValue
    attempts = item.header?.attempts
    rows = item.header?.rows
    entries = item.header?.entries
    reason = item.header?.reason
    problem = item.problem
  }
}
