import Codec
import Forwarders
import Glibc
import Model

/// `bench-file DIRECTORY`: how fast deliveries become lines in files below the directory, on one core of CPU time, with and without zstd.
///
/// The deliveries are 20 scrapes of 1,000 series each, a third of the values whole, a third decimal, a third of full precision.
@main struct FileBench {
  static func main() async throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: bench-file DIRECTORY")
      exit(64)
    }
    print("form samples MB lines/s-of-CPU lines/s-of-wall")
    for zstd in [false, true] {
      var configuration = FileForwarderConfiguration(
        path: CommandLine.arguments[1] + (zstd ? "/zstd-\(getpid())" : "/plain-\(getpid())"))
      configuration.zstd = zstd
      let forwarder = try FileForwarder(configuration)
      let deliveries = try Self.deliveries(50)
      let start = (cpu(), ContinuousClock.now)
      for delivery in deliveries {
        let outcome = await forwarder.deliver(delivery).outcome
        guard outcome == .delivered else {
          print("not delivered: \(outcome)")
          exit(70)
        }
      }
      let spent = cpu() - start.0
      let wall = start.1.duration(to: .now)
      let counters = await forwarder.counters
      await forwarder.close()
      let lines = Double(counters.lines)
      let seconds = Double(wall.components.seconds) + Double(wall.components.attoseconds) / 1e18
      print(
        "\(zstd ? "zstd" : "plain") \(counters.lines) \(counters.bytes / 1_000_000) \(Int(lines / spent)) \(Int(lines / seconds))"
      )
    }
  }

  static func deliveries(_ count: Int) throws -> [Delivery] {
    let table = try SeriesTable(
      encoding: (0..<1000).map { at in
        Series(
          Labels([
            Label("__name__", "node_metric_\(at / 10)_total"), Label("instance", "localhost:9100"),
            Label("job", "node"),
            Label("device", "disk\(at % 10)"),
          ]))
      })
    var sealer = try BlockSealer()
    var generator = SystemRandomNumberGenerator()
    var sequence: UInt64 = 1
    return try (0..<count).map { _ in
      let rows = (0..<20).map { row in
        MetricRow.scrape(
          ScrapeRow(
            source: 1, tables: [table], timestamp: UnixMilliseconds(Int64(sequence) * 20_000 + Int64(row) * 1000),
            values: (0..<1000).map { at in
              switch at % 3 {
              case 0: Double(Int.random(in: 0..<1_000_000, using: &generator))
              case 1: Double(Int.random(in: 0..<1_000_000, using: &generator)) / 1000
              default: Double.random(in: 0..<1, using: &generator)
              }
            }))
      }
      defer { sequence += 20 }
      return Delivery(
        blocks: try sealer.seal(RowBatch(metrics: rows), origin: Origin(low: 1, high: 1), firstSequence: sequence),
        generation: 0)
    }
  }

  static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
