import ArgumentParser
import WAL

struct WALDeadLettersRedrive: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redrive", abstract: "Has dead letters sent again.",
    discussion: """
      A running forwarder takes them within seconds, one that starts later at its start. What is delivered is gone from the list; what \
      is refused again comes back with the new answer.
      """)

  @OptionGroup var arguments: LetterArguments

  @Flag(help: "All of them, but for damaged ones.")
  var all = false

  @Option(help: "With --all: only those of this forwarder.")
  var consumer: String?

  @Option(help: "Have another forwarder send them.")
  var to: String?

  func validate() throws {
    if all == !arguments.numbers.isEmpty { throw ValidationError("name either numbers or --all") }
    if consumer != nil, !all { throw ValidationError("--consumer goes with --all") }
  }

  func run() async throws {
    try await arguments.place.run { inspector in
      let items = try inspector.deadLetters()
      let chosen =
        all
        ? items.filter { consumer == nil || $0.consumer == consumer } : try arguments.letters(in: items)
      if !all, let damaged = chosen.first(where: { $0.problem != nil }) {
        throw LogError(
          .damaged, "dead-letters/\(damaged.file): \(damaged.problem ?? ""); nothing was changed")
      }
      let sound = chosen.filter { $0.problem == nil }
      let targets = Set(sound.map { to ?? $0.consumer })
      let forwarders = try known(targets, inspector)
      let (done, gone) = try LetterArguments.each(sound) { item throws(LogError) in try inspector.redrive(item, to: to)
      }
      let marked = Redriven(numbers: done, gone: gone, consumers: targets.sorted())
      if try !arguments.place.printJSON(marked) { print(text(marked, forwarders)) }
      try LetterArguments.report(gone: gone)
      try report(chosen.compactMap(\.verifyProblem))
    }
  }

  private struct Redriven: Encodable {
    var numbers: [UInt64]
    var gone: [UInt64]
    var consumers: [String]
  }

  /// A name that no forwarder has would leave the letters where they are for ever.
  private func known(_ targets: Set<String>, _ inspector: LogInspector) throws(LogError) -> [ConsumerStatus] {
    let stats = try inspector.stats()
    guard stats.catalogProblem == nil else { return [] }
    let unknown = targets.subtracting(stats.consumers.map(\.name)).sorted()
    guard let first = unknown.first else { return stats.consumers.filter { targets.contains($0.name) } }
    throw LogError(
      .misuse,
      "no forwarder called \(Show.plain(first)) has a place in this log; "
        + (to == nil ? "--to names another one. " : "") + "Nothing was changed")
  }

  private func text(_ marked: Redriven, _ forwarders: [ConsumerStatus]) -> String {
    guard !marked.numbers.isEmpty else { return "no dead letters to send again" }
    let waiting = forwarders.filter { !$0.isHeld }.map { Show.plain($0.name) }
    return "\(marked.numbers.count) dead letters will be sent again"
      + (waiting.isEmpty ? "" : "; \(waiting.joined(separator: ", ")) not running: it takes them at its start")
  }
}
