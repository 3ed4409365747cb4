import Codec
import Model

/// Blocks for tests: scrapes of a target with a few series, each row's values telling which row it is.
enum SampleBlocks {
  static let origin = Origin(low: 1, high: 2)

  static func table(_ target: String, series: Int = 3) throws -> SeriesTable {
    try SeriesTable(
      encoding: (0..<series).map {
        Series(Labels([Label("__name__", "m"), Label("target", target), Label("n", "\($0)")]))
      })
  }

  /// Rows first...last, one a second; the value of a sample is row × 10 + series.
  static func delivery(
    _ rows: ClosedRange<UInt64>, origin: Origin = origin, tenant: Tenant = .default, target: String = "a",
    generation: UInt64 = 0
  ) throws -> Delivery {
    let table = try table(target)
    var sealer = try BlockSealer()
    let scrapes = rows.map { row in
      MetricRow.scrape(
        ScrapeRow(
          source: 7, tables: [table], timestamp: UnixMilliseconds(Int64(row) * 1000),
          values: (0..<3).map { Double(row * 10) + Double($0) }))
    }
    let blocks = try sealer.seal(
      RowBatch(tenant: tenant, metrics: scrapes), origin: origin, firstSequence: rows.lowerBound)
    return Delivery(blocks: blocks, generation: generation)
  }

  /// The lines that rows become.
  static func lines(_ rows: ClosedRange<UInt64>, target: String = "a") -> [String] {
    rows.flatMap { row in
      (0..<3).map {
        #"{"timestamp":\#(row * 1000),"labels":{"__name__":"m","n":"\#($0)","target":"\#(target)"},"value":\#(row * 10 + UInt64($0))}"#
      }
    }
  }
}

/// A generator with a seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  // splitmix64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
