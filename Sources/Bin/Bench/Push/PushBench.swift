import Codec
import Glibc
import LooseTables
import Model
import Wire

/// `bench-push [SECONDS] [SERIES]`: samples a second of CPU from a remote write body to rows, for series that are known and at first sight, and to seal those
/// rows; requests of 2,000 series of ten labels with one sample each, as Prometheus sends them. Then the bytes of a sealed sample and of the tables.
///
/// `scattered`: each request has series from all over the tenant, as from a sender that sorts by a hash.
@main struct PushBench {
  static let perRequest = 2000

  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let seconds = arguments.first.flatMap(Double.init) ?? 1
    let seriesCount = arguments.dropFirst().first.flatMap(Int.init) ?? 100_000
    print("version order read_known/s first_sight/s seal/s rows/request sealed_bytes/sample table_bytes/series")
    for version in RemoteWriteVersion.allCases {
      for scattered in [false, true] {
        try run(version, scattered: scattered, seriesCount, seconds)
      }
    }
  }

  static func run(
    _ version: RemoteWriteVersion, scattered: Bool, _ seriesCount: Int, _ seconds: Double
  ) throws {
    let requests = seriesCount / perRequest
    let inOrder = (0..<requests).map { request in
      PushMessages.message(version, (0..<perRequest).map { request * perRequest + $0 })
    }
    let bodies =
      scattered
      ? (0..<requests).map { request in PushMessages.message(version, (0..<perRequest).map { $0 * requests + request })
      }
      : inOrder
    let samples = Double(perRequest)

    var intake = MetricsIntake(limits: PushLimits())
    var next = 0
    var first = 0.0
    var firstSamples = 0.0
    while first < seconds {
      intake = MetricsIntake(limits: PushLimits())
      let start = cpu()
      for body in inOrder { _ = try intake.read(body, as: version, tenant: .default) }
      first += cpu() - start
      firstSamples += samples * Double(requests)
    }
    let known = try time(seconds) {
      _ = try intake.read(bodies[next % requests], as: version, tenant: .default)
      next += 1
    }
    let pushes = try bodies.map { try intake.read($0, as: version, tenant: .default) }
    let batches = pushes.compactMap(\.rows)
    var sealer = try BlockSealer()
    var sealed = 0
    var tables: [TableName: SeriesTable] = [:]
    for batch in batches {
      for one in try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: 1) {
        sealed += one.block.bytes.count
        for table in one.tables { tables[table.name] = table }
      }
    }
    let seal = try time(seconds) {
      _ = try sealer.seal(batches[next % batches.count], origin: Origin(low: 1, high: 1), firstSequence: 1)
      next += 1
    }
    let rows = batches.reduce(0) { $0 + $1.rowCount }
    print(
      version, scattered ? "scattered" : "in order", rate(samples / known), rate(firstSamples / first),
      rate(samples / seal), tenth(Double(rows) / Double(requests)), tenth(Double(sealed) / samples / Double(requests)),
      tenth(Double(tables.values.reduce(0) { $0 + $1.bytes.count }) / Double(seriesCount)))
  }

  static func rate(_ value: Double) -> String { "\(tenth(value / 1e6))M" }

  static func tenth(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

  /// Seconds of CPU of one call, over so many seconds of calls.
  static func time(_ seconds: Double, _ work: () throws -> Void) rethrows -> Double {
    try work()
    var calls = 0.0
    let start = cpu()
    repeat {
      for _ in 0..<5 { try work() }
      calls += 5
    } while cpu() - start < seconds
    return (cpu() - start) / calls
  }

  static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
