import Codec
import Glibc
import Model
import Wire

/// `bench-remote-write [SECONDS]`: nanoseconds of CPU a sample to open blocks, to make a remote write message of them and to compress it, and the
/// bytes of that, for a table of 1,000 series with 1, 3 and 20 samples a series: one block a scrape, as when the lane keeps up, and all in one.
///
/// A third of the values are whole, a third decimal, a third of full precision.
@main struct RemoteWriteBench {
  static let seriesCount = 1000

  static func main() throws {
    let seconds = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 1
    print("samples/series blocks open_ns encode_ns snappy_ns message_bytes/sample body_bytes/sample")
    for rows in [1, 3, 20] {
      try run(rows, inOneBlock: false, seconds)
      if rows > 1 { try run(rows, inOneBlock: true, seconds) }
    }
  }

  static func run(_ rows: Int, inOneBlock: Bool, _ seconds: Double) throws {
    let delivery = try delivery(rows, inOneBlock: inOneBlock)
    let opener = try BlockOpener()
    var encoder = try RemoteWriteEncoder()
    let templates = LabelTemplates()
    let bundles = try RemoteWriteBundles(delivery, opener)
    let samples = Double(try encoder.encode(bundles, templates).samples)
    let open = try time(seconds) { _ = try RemoteWriteBundles(delivery, opener) }
    let encode = try time(seconds) { _ = try encoder.encode(bundles, templates) }
    var body = 0
    let snappy = time(seconds) { body = encoder.withMessage { Snappy.compress($0).count } }
    let message = encoder.withMessage { $0.byteCount }
    func figure(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
    print(
      rows, delivery.blocks.count, figure(open / samples), figure(encode / samples), figure(snappy / samples),
      figure(Double(message) / samples), figure(Double(body) / samples))
  }

  /// Nanoseconds of CPU of one call, over so many seconds of calls.
  static func time(_ seconds: Double, _ work: () throws -> Void) rethrows -> Double {
    try work()
    var calls = 0.0
    let start = cpu()
    repeat {
      for _ in 0..<5 { try work() }
      calls += 5
    } while cpu() - start < seconds
    return (cpu() - start) * 1e9 / calls
  }

  static func delivery(_ rows: Int, inOneBlock: Bool) throws -> Delivery {
    let table = try SeriesTable(
      encoding: (0..<seriesCount).map { at in
        Series(
          Labels([
            Label("__name__", "node_metric_\(at / 10)_seconds_total"), Label("instance", "shop-7.example.org:9100"),
            Label("job", "node"), Label("site", "shop-7"), Label("region", "north"), Label("device", "disk\(at % 10)"),
          ]))
      })
    var sealer = try BlockSealer()
    var generator = SystemRandomNumberGenerator()
    let scrapes = (0..<rows).map { row in
      MetricRow.scrape(
        ScrapeRow(
          source: 1, tables: [table], timestamp: UnixMilliseconds(1_795_000_000_000 + Int64(row) * 15_000),
          values: (0..<seriesCount).map { at in
            switch at % 3 {
            case 0: Double(Int.random(in: 0..<1_000_000, using: &generator))
            case 1: Double(Int.random(in: 0..<1_000_000, using: &generator)) / 1000
            default: Double.random(in: 0..<1, using: &generator)
            }
          }))
    }
    var blocks: [TabledBlock] = []
    for (index, part) in (inOneBlock ? [scrapes] : scrapes.map { [$0] }).enumerated() {
      blocks += try sealer.seal(
        RowBatch(metrics: part), origin: Origin(low: 1, high: 1), firstSequence: UInt64(index) + 1)
    }
    return Delivery(blocks: blocks, generation: 0)
  }

  static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
