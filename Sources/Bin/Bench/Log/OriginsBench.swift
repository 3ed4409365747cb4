import Codec
import Foundation
import Model
import WAL

/// `bench-wal origins [directory]`: what a log pays for knowing the rows of many senders: memory, files, the time of a roll and of an opening. Times
/// are of the clock and, behind the slash, of the processor, which says more on a machine that others use.
enum OriginsBench {
  static func run(_ directory: String) async throws {
    print("  origins   RSS MiB more   segment MiB   catalog MiB       roll ms   roll ms (all changed)     opening ms")
    for (senders, restarts) in [(1000, 1), (10_000, 1), (10_000, 20), (10_000, 35)] {
      try await measure(directory + "/origins", senders: senders, restarts: restarts)
    }
  }

  private static func measure(_ path: String, senders: Int, restarts: Int) async throws {
    let configuration = LogConfiguration(directory: path, maxSizeBytes: 4 << 30)
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "bench")]))], signal: .logs)
    var sealer = try BlockSealer()
    func block(_ origin: UInt64, _ sequence: UInt64) throws -> SealedBlock {
      let entry = LogRows.Entry(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(1), line: [120]))
      return try sealer.seal(
        RowBatch(logs: [LogRows(source: 1, tables: [table], entries: [entry])]),
        origin: Origin(low: origin &* 0x9e37_79b9_7f4a_7c15, high: origin &* 0xbf58_476d_1ce4_e5b9),
        firstSequence: sequence)[0].block
    }
    var log = try WriteAheadLog.open(configuration)
    let before = residentMiB()
    // Two ranges of each, the senders' lives one after the other.
    for restart in 0..<restarts {
      for sequence in [UInt64(1), 3] {
        for first in stride(from: 0, to: senders, by: 1000) {
          let blocks = try (first..<min(senders, first + 1000)).map {
            try block(UInt64(restart * senders + $0 + 1), sequence)
          }
          _ = try await log.append(received: blocks, tables: [table])
        }
      }
      if restart % 5 == 4 { try await log.roll() }
    }
    let memory = residentMiB() - before
    try await log.roll()
    _ = try await log.append(received: [block(UInt64(senders), 100)], tables: [table])
    let roll = try await time { try await log.roll() }
    for first in stride(from: 0, to: senders, by: 1000) {
      let blocks = try (first..<min(senders, first + 1000)).map {
        try block(UInt64((restarts - 1) * senders + $0 + 1), 200)
      }
      _ = try await log.append(received: blocks, tables: [table])
    }
    let busyRoll = try await time { try await log.roll() }
    let files = try FileManager.default.contentsOfDirectory(atPath: path + "/segments").filter { $0.hasSuffix(".lmdb") }
    let segment = try size("\(path)/segments/\(files.sorted().last ?? "")")
    let catalog = try size(path + "/catalog.lmdb")
    try await log.close()
    let opening = try await time { log = try WriteAheadLog.open(configuration) }
    try await log.close()
    print(
      String(
        format: "%9d %14d %13.1f %13.1f", senders * restarts, memory, segment, catalog)
        + padded(roll, 14) + padded(busyRoll, 24) + padded(opening, 15))
    try FileManager.default.removeItem(atPath: path)
  }

  private static func size(_ path: String) throws -> Double {
    Double(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0) / 1_048_576
  }

  /// Milliseconds of the clock / of the processor.
  private static func time(_ body: () async throws -> Void) async throws -> String {
    let start = ContinuousClock.now
    let processor = clock()
    try await body()
    let used = Double(clock() - processor) / (Double(CLOCKS_PER_SEC) / 1000)
    return String(format: "%.0f / %.0f", (ContinuousClock.now - start) / .milliseconds(1), used)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  private static func residentMiB() -> Int {
    let fields = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = fields.split(separator: "\n").first { $0.hasPrefix("RssAnon") } ?? ""
    return (line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) / 1024
  }
}
