import Codec
import Foundation
import Glibc
import Model
import WAL

/// `bench-wal receive [directory]`: what it costs to take blocks from other logs as a gateway does, each opened and checked, stored, and flushed:
/// steady ones (a scrape each) and dense ones (a backlog, merged).
enum ReceiveBench {
  static func run(_ directory: String) async throws {
    let fleet = try Fleet(targets: 100, series: 1000)
    let steady = try fleet.blocks(targetsPerBlock: 1, scrapes: 20)
    let commits = try fleet.blocks(targetsPerBlock: 7, scrapes: 60)
    print("merging 60 scrapes of 100 targets of 1,000 series, 44 % of the values changing")
    print("blocks at once   blocks   bytes/sample  ms CPU/million samples  peak RSS MiB")
    print(String(format: "%61d", peakMiB()))
    var dense: [SealedBlock] = []
    for count in [20, 40, 80, 160, 320, 858] {
      let cpu = cpuSeconds()
      var merged: [SealedBlock] = []
      var sealer = try BlockSealer()
      for start in stride(from: 0, to: commits.count, by: count) {
        merged += try sealer.merge(Array(commits[start..<min(commits.count, start + count)]))
      }
      let samples = merged.reduce(0) { $0 + $1.header.entryCount }
      let bytes = merged.reduce(0) { $0 + $1.bytes.count }
      print(
        String(
          format: "%10d %12d %12.3f %16.1f %16d", count, merged.count, Double(bytes) / Double(samples),
          (cpuSeconds() - cpu) * 1e9 / Double(samples), peakMiB()))
      dense = merged
    }
    let byName = Dictionary(uniqueKeysWithValues: fleet.tables.map { ($0.name, $0) })
    print("\nreceiving                            blocks    blocks/s  samples/s  samples/CPU s  bytes/sample")
    for (what, blocks, together) in [
      ("steady, one scrape each", steady, 1), ("steady, 32 in a request", steady, 32),
      ("commits of 7 scrapes", commits, 1), ("dense", dense, 1), ("dense, 4 in a request", dense, 4),
    ] {
      for isOpened in [false, true] {
        let path = "\(directory)/receive"
        let log = try WriteAheadLog.open(LogConfiguration(directory: path, maxSizeBytes: 4 << 30))
        let samples = blocks.reduce(0) { $0 + $1.header.entryCount }
        let opener = try BlockOpener()
        let cpu = cpuSeconds()
        let start = ContinuousClock.now
        for first in stride(from: 0, to: blocks.count, by: together) {
          let some = Array(blocks[first..<min(blocks.count, first + together)])
          if isOpened {
            for block in some { try opener.verify(block, over: block.header.tables.compactMap { byName[$0] }) }
          }
          var tables: [SeriesTable] = []
          while true {
            let outcomes = try await log.append(received: some, tables: tables)
            if outcomes.allSatisfy({ if case .stored = $0 { true } else { $0 == .alreadyHeld } }) { break }
            // As a sender that has to be told; once for each table.
            guard tables.isEmpty else { throw BenchError(what: "\(outcomes)") }
            let named = Set(some.flatMap(\.header.tables))
            tables = fleet.tables.filter { named.contains($0.name) }
          }
        }
        let time = (ContinuousClock.now - start) / .seconds(1)
        let used = cpuSeconds() - cpu
        let bytes = blocks.reduce(0) { $0 + $1.bytes.count }
        print(
          (what + (isOpened ? ", verified" : "")).padding(toLength: 34, withPad: " ", startingAt: 0)
            + String(
              format: "%8d %10.0f %10.2e %10.2e %12.3f", blocks.count, Double(blocks.count) / time,
              Double(samples) / time, Double(samples) / used, Double(bytes) / Double(samples)))
        try await log.close()
        try FileManager.default.removeItem(atPath: path)
      }
    }
  }
}

/// Targets whose values change as those of machines do: 56 % stand still, counters grow, gauges wander.
struct Fleet {
  let tables: [SeriesTable]
  let series: Int

  init(targets: Int, series: Int) throws {
    self.series = series
    tables = try (0..<targets).map { target in
      try SeriesTable(
        encoding: (0..<series).map { index in
          Series(
            Labels([
              Label("__name__", "machine_metric_\(index / 10)_total"), Label("instance", "machine-\(target):9100"),
              Label("job", "machine"), Label("part", "\(index % 10)"),
            ]))
        })
    }
  }

  /// A block for each `targetsPerBlock` scrapes, in the order of time, of one origin.
  func blocks(targetsPerBlock: Int, scrapes: Int, origin: Origin = .random()) throws -> [SealedBlock] {
    var random = SystemRandomNumberGenerator()
    var sealer = try BlockSealer()
    var values = tables.map { _ in
      (0..<series).map { index in
        index % 4 == 1
          ? Double.random(in: 0...100, using: &random) : Double(Int.random(in: 0...1_000_000, using: &random))
      }
    }
    var blocks: [SealedBlock] = []
    var rows: [MetricRow] = []
    var next: UInt64 = 1
    for scrape in 0..<scrapes {
      for target in tables.indices {
        for index in 0..<series where index % 100 < 44 {
          switch index % 4 {
          case 0, 2: values[target][index] += Double(Int.random(in: 0...index, using: &random) / 8)
          case 1:
            values[target][index] =
              ((values[target][index] + Double.random(in: -0.2...0.2, using: &random)) * 100).rounded() / 100
          default: values[target][index] = values[target][index] + Double(Int.random(in: -16...16, using: &random) * 4)
          }
        }
        rows.append(
          .scrape(
            ScrapeRow(
              source: UInt64(target + 1), tables: [tables[target]],
              timestamp: .init(1_700_000_000_000 + Int64(scrape * 15_000 + target * 150)), values: values[target])))
        guard rows.count == targetsPerBlock || (scrape == scrapes - 1 && target == tables.count - 1) else { continue }
        blocks += try sealer.seal(RowBatch(metrics: rows), origin: origin, firstSequence: next).map(\.block)
        next += UInt64(rows.count)
        rows = []
      }
    }
    return blocks
  }
}

func cpuSeconds() -> Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
  return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

func peakMiB() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss / 1024
}
