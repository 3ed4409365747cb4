import ArgumentParser
import Model
import Runtime
import WAL

struct WALConsumersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consumers",
    abstract: "The forwarders' places in a log: shows, moves and removes them.",
    subcommands: [List.self, Reset.self, Forget.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Each forwarder's place and what waits for it.")

    @OptionGroup var options: LogOptions

    func run() async throws {
      try await options.run { inspector in
        let consumers = try inspector.consumersWithAge()
        if try !options.printJSON(consumers) { print(WALConsumersCommand.table(consumers)) }
      }
    }
  }

  struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Moves a forwarder's place: rows from there on are delivered again, or those before are skipped.",
      discussion: "Works while the agent runs. What was removed from the log already does not come back.")

    @Argument(help: "The forwarder's name.")
    var name: String

    @OptionGroup var options: LogOptions

    @Option(help: "oldest, newest or a time (RFC 3339).")
    var to: String

    private func start() throws -> CursorStart {
      switch to {
      case "oldest": return .oldest
      case "newest": return .newest
      default:
        guard let time = RFC3339.parse(to) else {
          throw ValidationError("--to “\(to)” is not oldest, newest or a time as 2026-01-31T12:00:00Z")
        }
        return .time(time)
      }
    }

    func validate() throws { _ = try start() }

    func run() async throws {
      let start = try start()
      try await options.run { inspector in
        try await inspector.resetConsumer(name, to: start)
        let moved = try inspector.consumersWithAge().filter { $0.name == name }
        if try !options.printJSON(moved) { print(WALConsumersCommand.table(moved)) }
      }
    }
  }

  struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Removes the place of a forwarder that is no longer configured.")

    @Argument(help: "The forwarder's name.")
    var name: String

    @OptionGroup var options: LogOptions

    func run() async throws {
      try await options.run { inspector in
        try await inspector.forgetConsumer(name)
        if try !options.printJSON(["forgotten": name]) { print("forgotten: \(name)") }
      }
    }
  }

  static func table(_ consumers: [ConsumerStatus]) -> String {
    var table = TextTable([
      ("forwarder", .left), ("at offset", .right), ("rows waiting", .right), ("bytes waiting", .right),
      ("oldest waiting", .right), ("rows dropped", .right), ("rows missing", .right), ("state", .left),
    ])
    for consumer in consumers {
      let state =
        consumer.isHeld ? "running" : consumer.holdsSegments ? "not running" : "not running, keeps nothing"
      table.add([
        consumer.name, "\(consumer.base)", "\(consumer.lagRows)", Show.bytes(consumer.lagBytes),
        consumer.lagRows > 0 ? "\(Int(consumer.lagSeconds)) s" : "–", "\(consumer.droppedRows)",
        "\(consumer.missingRows)", state,
      ])
    }
    return table.text
  }
}

extension LogInspector {
  /// The consumers, with the age of the oldest row that waits for each of them read from that row's block.
  func consumersWithAge() throws(LogError) -> [ConsumerStatus] {
    try consumers().map(withAge)
  }

  func withAge(_ consumer: ConsumerStatus) -> ConsumerStatus {
    // Where the row is not there any more, or damaged, the log's own estimate has to do.
    guard consumer.lagRows > 0, let block = (try? block(at: consumer.base)) ?? nil else { return consumer }
    var consumer = consumer
    consumer.lagSeconds = max(0, block.block.header.oldestTime.seconds(until: WallClock.now()))
    return consumer
  }
}
