import Codec
import Foundation
import Model

/// Density and speed of blocks on real scrapes.
///
///     bench-block FOLDER [seconds a figure]
///
/// FOLDER holds captures of a node_exporter as `*.prom`, in order; `scripts/capture.sh` makes one.
@main struct BlockBench {
  static func main() throws {
    guard CommandLine.arguments.count >= 2 else {
      print("usage: bench-block FOLDER [seconds a figure]")
      exit(64)
    }
    let seconds = CommandLine.arguments.count > 2 ? Double(CommandLine.arguments[2]) ?? 2 : 2
    let captures = try Captures(folder: CommandLine.arguments[1], most: 200)
    print("\(captures.values.count) captures of \(captures.series.count) series that exist in all of them")
    try density(captures)
    try speed(captures, seconds)
  }

  /// Targets that have 1,000 series together.
  static func thousand(_ captures: Captures, metadata: Bool) throws -> [BenchTarget] {
    var targets: [BenchTarget] = []
    var left = 1000
    while left > 0 {
      let number = targets.count
      targets.append(
        try BenchTarget(captures, limit: left, instance: number + 1, metadata: metadata))
      left -= min(left, captures.series.count)
    }
    return targets
  }

  static func density(_ captures: Captures) throws {
    var sealer = try BlockSealer()
    func bytes(_ targets: [BenchTarget], scrapes: Int, tables: Bool, first: Int) throws -> Double {
      let rows = (first..<(first + scrapes)).flatMap { scrape in targets.map { $0.row(scrape, interval: 15_000) } }
      let sealed = try sealer.seal(RowBatch(metrics: rows), origin: .random(), firstSequence: 1_000_000)
      let samples = sealed.reduce(0) { $0 + $1.block.header.entryCount }
      var total = sealed.reduce(0) { $0 + $1.block.bytes.count }
      if tables { total += targets.reduce(0) { $0 + $1.table.bytes.count } }
      return Double(total) / Double(samples)
    }
    func mean(_ targets: [BenchTarget], scrapes: Int, tables: Bool) throws -> Double {
      let starts = Array(stride(from: 0, through: captures.values.count - scrapes, by: max(1, scrapes / 2)))
      return try starts.map { try bytes(targets, scrapes: scrapes, tables: tables, first: $0) }.reduce(0, +)
        / Double(max(1, starts.count))
    }
    let plain = try thousand(captures, metadata: false)
    let full = try thousand(captures, metadata: true)
    print(
      "density, bytes a sample, all counted (header, names, checksums); \(plain.count) targets, 1,000 series together")
    print(
      String(
        format: "  1 scrape, table known:                %.3f   (to reach: 2.2)",
        try mean(plain, scrapes: 1, tables: false)))
    print(
      String(
        format: "  1 scrape with its table, labels only:  %.3f   (to reach: 8.5)",
        try mean(plain, scrapes: 1, tables: true)))
    print(
      String(
        format: "  1 scrape with its table and metadata:  %.3f", try mean(full, scrapes: 1, tables: true)))
    for (scrapes, goal) in [(4, 0.0), (20, 0.85), (100, 0.70)] where captures.values.count >= scrapes {
      let goal = goal > 0 ? String(format: "   (to reach: %.2f)", goal) : ""
      print(
        String(format: "  %d scrapes, table known:%*s", scrapes, scrapes < 10 ? 15 : scrapes < 100 ? 14 : 13, "")
          + String(format: "%.3f", try mean(plain, scrapes: scrapes, tables: false)) + goal)
    }
  }

  static func speed(_ captures: Captures, _ seconds: Double) throws {
    let targets = try thousand(captures, metadata: false)
    var sealer = try BlockSealer()
    let opener = try BlockOpener()
    let origin = Origin.random()
    let rows = (0..<20).flatMap { scrape in targets.map { $0.row(scrape, interval: 15_000) } }
    let batch = RowBatch(metrics: rows)
    let blocks = try sealer.seal(batch, origin: origin, firstSequence: 1).map(\.block)
    let samples = blocks.reduce(0) { $0 + $1.header.entryCount }
    var singles: [SealedBlock] = []
    for scrape in 0..<20 {
      let one = RowBatch(metrics: targets.map { $0.row(scrape, interval: 15_000) })
      singles += try sealer.seal(one, origin: origin, firstSequence: UInt64(scrape * targets.count + 1)).map(\.block)
    }
    print("speed, one core, CPU time, best of rounds; blocks of 20 scrapes of 1,000 series")
    var sink = 0.0
    try report("encode", samples, 12, seconds) {
      sink += Double(try sealer.seal(batch, origin: origin, firstSequence: 1).count)
    }
    try report("decode", samples, 40, seconds) {
      for block in blocks {
        for case .matrix(let group) in try opener.open(block).groups { sink += group.values[group.values.count / 2] }
      }
    }
    try report("merge 20 into 1", samples, 20, seconds) { sink += Double(try sealer.merge(singles).count) }
    if sink == 0.5 { print("") }
  }

  /// Runs `body` for about `seconds` and prints the best round's samples a CPU second.
  static func report(_ name: String, _ samples: Int, _ goal: Int, _ seconds: Double, _ body: () throws -> Void) rethrows
  {
    var best = Double.infinity
    let end = cpuSeconds() + seconds
    while cpuSeconds() < end {
      let start = cpuSeconds()
      for _ in 0..<10 { try body() }
      best = min(best, (cpuSeconds() - start) / 10)
    }
    let rate = Double(samples) / best / 1e6
    print(
      "  \(name.padding(toLength: 16, withPad: " ", startingAt: 0))"
        + String(format: "%7.1f million samples a second, %.1f ns a sample   (to reach: %d)", rate, 1000 / rate, goal))
  }

  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
