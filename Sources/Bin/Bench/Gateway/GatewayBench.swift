import Codec
import Forwarders
import Glibc
import HTTP
import Model

/// `bench-gateway dense|steady|write ADDRESS PID [SECONDS]`: how much CPU a running gateway takes for what it is sent, by its own /proc entry.
///
/// - dense: blocks of 20 scrapes of 5 targets of 1,000 series, as a sender that is behind merges them, over gRPC at ADDRESS
/// - steady: blocks of one scrape of 20 targets of 1,000 series, as 100 targets every 5 seconds give them, over gRPC at ADDRESS
/// - write: the same samples as remote write 1.0, at http://ADDRESS/api/v1/write
///
/// 44 % of the values change from scrape to scrape. What the gateway reports is durable on its disk.
@main struct GatewayBench {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4, let load = Load(arguments[1]), let pid = Int32(arguments[3]) else {
      throw Failure(description: "bench-gateway dense|steady|write ADDRESS PID [SECONDS]")
    }
    let seconds = arguments.count > 4 ? Double(arguments[4]) ?? 10 : 10
    let forwarder = try load.forwarder(to: arguments[2])
    var rows = try RowSource(targets: load.targets, scrapes: load.scrapes)
    var sealer = try BlockSealer()
    let origin = Origin.random()
    var sequence: UInt64 = 1
    func next() throws -> [TabledBlock] {
      let batch = rows.next()
      defer { sequence += UInt64(batch.rowCount) }
      return try sealer.seal(batch, origin: origin, firstSequence: sequence).map {
        TabledBlock(block: $0.block, tables: $0.tables)
      }
    }
    // The tables are sent, and connections opened, before the clock runs.
    try await Self.deliver(try next(), forwarder)
    let (startCPU, start) = (try processSeconds(pid), ContinuousClock.now)
    var (samples, blocks, blockBytes, sentBytes) = (0, 0, 0, 0)
    while ContinuousClock.now - start < .seconds(seconds) {
      var delivery: [TabledBlock] = []
      for _ in 0..<load.batches { delivery += try next() }
      sentBytes += try await Self.deliver(delivery, forwarder)
      samples += delivery.reduce(0) { $0 + $1.block.header.entryCount }
      blocks += delivery.count
      blockBytes += delivery.reduce(0) { $0 + $1.block.bytes.count }
    }
    let cpu = try processSeconds(pid) - startCPU
    let wall =
      Double((ContinuousClock.now - start).components.seconds)
      + Double((ContinuousClock.now - start).components.attoseconds) / 1e18
    await forwarder.close()
    func figure(_ value: Double, _ digits: Double = 100) -> String { "\((value * digits).rounded() / digits)" }
    print(
      arguments[1], "\(samples) samples in \(blocks) blocks, \(figure(wall)) s,",
      "\(figure(Double(samples) / wall / 1e6)) million a second of time,",
      "\(figure(Double(samples) / cpu / 1e6)) million a second of the gateway's CPU,",
      "\(figure(Double(blockBytes) / Double(samples), 1000)) bytes a sample in blocks,",
      "\(figure(Double(sentBytes) / Double(samples), 1000)) in messages")
  }

  @discardableResult
  static func deliver(_ blocks: [TabledBlock], _ forwarder: any Forwarder) async throws -> Int {
    var sentBytes = 0
    for attempt in 1... {
      let answer = await forwarder.deliver(Delivery(blocks: blocks, generation: 0))
      sentBytes += answer.sentBytes
      switch answer.outcome {
      case .delivered, .alreadyThere: return sentBytes
      case .retry where attempt < 100: try await Task.sleep(for: .milliseconds(50))
      default: throw Failure(description: "\(answer.outcome)")
      }
    }
    return sentBytes
  }

  /// User and system time of a process, seconds. proc(5), /proc/pid/stat, fields 14 and 15.
  static func processSeconds(_ pid: Int32) throws -> Double {
    guard let file = fopen("/proc/\(pid)/stat", "r") else { throw Failure(description: "no process \(pid)") }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 1024)
    let count = fread(&line, 1, line.count, file)
    // The name may hold spaces; it ends with the last parenthesis.
    let text = String(decoding: line[..<count], as: UTF8.self)
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
      throw Failure(description: "/proc/\(pid)/stat: \(text)")
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}

/// What is sent.
enum Load: String {
  case dense
  case steady
  case write

  init?(_ name: String) { self.init(rawValue: name) }

  var targets: Int { self == .dense ? 5 : 20 }
  var scrapes: Int { self == .dense ? 20 : 1 }
  /// Of one delivery.
  var batches: Int { self == .dense ? 16 : 4 }

  func forwarder(to address: String) throws -> any Forwarder {
    switch self {
    case .dense, .steady:
      guard let address = GatewayAddress(address, defaultPort: 15_610) else {
        throw GatewayBench.Failure(description: "“\(address)” is not host:port")
      }
      return GatewayForwarder(GatewayConfiguration(addresses: [address]), userAgent: "bench-gateway")
    case .write:
      return try PrometheusForwarder(
        PrometheusConfiguration(url: "http://\(address)/api/v1/write"), userAgent: "bench-gateway")
    }
  }
}

/// Scrapes whose values move as those of a node_exporter do.
struct RowSource {
  private let tables: [SeriesTable]
  private var values: [[Double]]
  private let scrapes: Int
  private var time: Int64 = 1_795_000_000_000
  private var random = SystemRandomNumberGenerator()
  private let series = 1000

  init(targets: Int, scrapes: Int) throws {
    self.scrapes = scrapes
    let series = series
    tables = try (0..<targets).map { target in
      try SeriesTable(
        encoding: (0..<series).map { at in
          Series(
            Labels([
              Label("__name__", "node_metric_\(at / 10)_seconds_total"), Label("instance", "shop-\(target):9100"),
              Label("job", "node"), Label("site", "shop-7"), Label("region", "north"),
              Label("device", "disk\(at % 10)"),
            ]))
        })
    }
    values = (0..<targets).map { _ in (0..<series).map { Double($0 * 37) } }
  }

  mutating func next() -> RowBatch {
    var rows: [MetricRow] = []
    for _ in 0..<scrapes {
      time += 5000
      for target in tables.indices {
        for at in 0..<series where at % 100 < 44 {
          switch at % 3 {
          case 0: values[target][at] += Double(Int.random(in: 1..<500, using: &random))
          case 1: values[target][at] += Double(Int.random(in: 1..<5000, using: &random)) / 100
          default: values[target][at] = Double.random(in: 0..<1, using: &random)
          }
        }
        rows.append(
          .scrape(
            ScrapeRow(
              source: UInt64(target) &* 0x9e37_79b9_7f4a_7c15, tables: [tables[target]],
              timestamp: UnixMilliseconds(time), values: values[target])))
      }
    }
    return RowBatch(metrics: rows)
  }
}
