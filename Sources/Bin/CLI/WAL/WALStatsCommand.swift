import ArgumentParser
import WAL

struct WALStatsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Size, rows and age of a log, and what waits for whom.")

  @OptionGroup var options: LogOptions

  func run() async throws {
    try await options.run { inspector in
      var stats = try inspector.stats()
      stats.consumers = stats.consumers.map(inspector.withAge)
      if try !options.printJSON(stats) { print(text(stats)) }
      if let problem = stats.catalogProblem { throw LogError(.damaged, "catalog.lmdb: \(problem)") }
    }
  }

  private func text(_ stats: LogStats) -> String {
    var lines = [
      "log         \(stats.directory)\(stats.isLive ? ", open in a process" : ", not open")",
      "disk        \(Show.bytes(stats.diskBytes)) in \(stats.segments) segments",
      "rows        \(stats.rows) in \(stats.blocks) blocks, offsets \(stats.firstOffset) to \(stats.endOffset)",
      "entries     \(stats.entries) samples or log entries, \(Show.bytes(stats.blockBytes))" + density(stats),
      "times       \(Show.time(stats.oldestTime)) to \(Show.time(stats.newestTime))",
    ]
    if stats.quarantineBytes > 0 { lines.append("quarantine  \(Show.bytes(stats.quarantineBytes))") }
    if stats.deadLetters > 0 {
      lines.append("dead        \(stats.deadLetters) dead letters, \(Show.bytes(stats.deadLetterBytes))")
    }
    if !stats.tenants.isEmpty {
      var table = TextTable([("tenant", .left), ("signal", .left), ("rows", .right)])
      for tenant in stats.tenants { table.add([Show.tenant(tenant.tenant), tenant.signal, "\(tenant.rows)"]) }
      lines += ["", table.text]
    }
    if !stats.consumers.isEmpty { lines += ["", WALConsumersCommand.table(stats.consumers)] }
    return lines.joined(separator: "\n")
  }

  /// Bytes of blocks a sample; series tables come on top.
  private func density(_ stats: LogStats) -> String {
    guard stats.entries > 0 else { return "" }
    let hundredths = Int((Double(stats.blockBytes) / Double(stats.entries) * 100).rounded())
    return ", \(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) bytes each"
  }
}
