import Codec
import Forwarders
import Foundation
import Model
import Testing

/// Remote write to the servers that people have.
@Suite("Remote write")
struct RemoteWriteTests {
  /// Blocks of scrapes of one target, numbered on.
  private struct Target {
    let table: SeriesTable
    private var sequence: UInt64 = 1

    init(_ series: [Labels]) throws { table = try SeriesTable(encoding: series.map { Series($0) }) }

    mutating func scrapes(
      _ rows: [(time: Int64, values: [Double])], absent: [UInt32] = [], extras: MetricExtras = .init()
    ) throws -> Delivery {
      var sealer = try BlockSealer()
      let blocks = try sealer.seal(
        RowBatch(
          metrics: rows.map {
            .scrape(
              ScrapeRow(
                source: 1, tables: [table], timestamp: UnixMilliseconds($0.time), values: $0.values, absent: absent,
                extras: extras))
          }), origin: Origin(low: 1, high: 1), firstSequence: sequence)
      sequence += UInt64(rows.count)
      return Delivery(blocks: blocks, generation: 0)
    }
  }

  private static func series(_ name: String, _ labels: (String, String)...) -> Labels {
    Labels([Label("__name__", name)] + labels.map { Label($0.0, $0.1) })
  }

  private static func now() -> Int64 { Int64(Date().timeIntervalSince1970) * 1000 }

  /// The `data` of an answer of Prometheus' API.
  private static func ask(_ port: Int, _ path: String) throws -> String {
    let (status, body) = try Loopback.get(port, path)
    guard status == 200 else { throw Loopback.Failure(description: "\(path): \(status) \(body)") }
    return body
  }

  private static func isConflict(_ outcome: Outcome) -> Bool {
    if case .conflict = outcome { true } else { false }
  }

  @Test func prometheusTakesWhatWeSendAndItsRefusalOfOldRowsIsAConflict() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let port = try Loopback.freePort()
    try Data("global: {}\n".utf8).write(to: folder.appending(path: "prometheus.yml"))
    let server = try Program(
      Places.peer("prometheus"),
      [
        "--config.file=\(folder.path)/prometheus.yml", "--storage.tsdb.path=\(folder.path)/data",
        "--web.listen-address=127.0.0.1:\(port)", "--web.enable-remote-write-receiver",
        "--enable-feature=native-histograms,exemplar-storage",
      ], log: folder.appending(path: "prometheus.log"))
    defer { server.send(SIGKILL) }
    #expect(await eventually { try Loopback.get(port, "/-/ready").status == 200 }, "\(server.log.suffix(2000))")

    let forwarder = try PrometheusForwarder(
      .init(url: "http://127.0.0.1:\(port)/api/v1/write"), userAgent: "Clymene/test")
    let start = Self.now() - 60_000
    var target = try Target([
      Self.series("clymene_counter", ("site", "schön")), Self.series("clymene_ends"), Self.series("clymene_histogram"),
    ])
    let histogram = NativeHistogram(
      schema: 0, zeroThreshold: 0.001, sum: 18.4,
      counts: .integer(count: 10, zeroCount: 1, positiveDeltas: [2, 1, 1], negativeDeltas: []),
      positiveSpans: [.init(offset: 0, length: 3)])
    var rows: [(time: Int64, values: [Double])] = []
    for row in 0..<5 {
      rows.append((start + Int64(row) * 1000, [Double(row) + 0.5, row == 4 ? StaleMarker.value : 1, 0]))
    }
    let first = try target.scrapes(rows)
    #expect(await forwarder.deliver(first).outcome == .delivered)
    // The same again, as after a lost answer: its first rows are older than the last.
    #expect(Self.isConflict(await forwarder.deliver(first).outcome))

    let range = try Self.ask(port, "/api/v1/query?query=clymene_counter%5B5m%5D")
    for (row, scrape) in rows.enumerated() {
      #expect(range.contains("[\(scrape.time / 1000),\"\(row).5\"]"), "\(range)")
    }
    #expect(range.contains("\"site\":\"schön\""))
    // The series was marked as ended.
    #expect(try Self.ask(port, "/api/v1/query?query=clymene_ends").contains("\"result\":[]"))

    // A native histogram, and an exemplar.
    var more = try Target([Self.series("clymene_native"), Self.series("clymene_counter", ("site", "schön"))])
    let extras = MetricExtras(
      histograms: [.init(series: 0, timestamp: UnixMilliseconds(start + 6000), histogram: histogram)],
      exemplars: [
        .init(
          series: 1,
          exemplar: Exemplar(
            labels: Labels([Label("trace_id", "abc")]), value: 7, timestamp: UnixMilliseconds(start + 5500)))
      ])
    let second = try more.scrapes([(start + 6000, [0, 9])], absent: [0], extras: extras)
    // The newest sample with the same value again is no fault to it.
    for _ in 0..<2 { #expect(await forwarder.deliver(second).outcome == .delivered) }
    #expect(try Self.ask(port, "/api/v1/query?query=histogram_count(clymene_native)").contains("\"10\"]"))
    let exemplars = try Self.ask(
      port, "/api/v1/query_exemplars?query=clymene_counter&start=\(start / 1000)&end=\(start / 1000 + 60)")
    #expect(exemplars.contains("abc"), "\(exemplars)")

    // Rows before those that it has, and another value at the same time.
    #expect(Self.isConflict(await forwarder.deliver(try target.scrapes([(start - 5000, [1, 1, 1])])).outcome))
    #expect(Self.isConflict(await forwarder.deliver(try more.scrapes([(start + 6000, [0, 8])], absent: [0])).outcome))
    await forwarder.close()
  }

  @Test func aPrometheusWithoutTheReceiverIsAMatterOfSettings() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let port = try Loopback.freePort()
    try Data("global: {}\n".utf8).write(to: folder.appending(path: "prometheus.yml"))
    let server = try Program(
      Places.peer("prometheus"),
      [
        "--config.file=\(folder.path)/prometheus.yml", "--storage.tsdb.path=\(folder.path)/data",
        "--web.listen-address=127.0.0.1:\(port)",
      ], log: folder.appending(path: "prometheus.log"))
    defer { server.send(SIGKILL) }
    #expect(await eventually { try Loopback.get(port, "/-/ready").status == 200 }, "\(server.log.suffix(2000))")
    let forwarder = try PrometheusForwarder(
      .init(url: "http://127.0.0.1:\(port)/api/v1/write"), userAgent: "Clymene/test")
    var target = try Target([Self.series("clymene_counter")])
    guard case .misconfigured(let reason) = await forwarder.deliver(try target.scrapes([(Self.now(), [1])])).outcome
    else {
      Issue.record("it was not said to be a matter of settings")
      return
    }
    #expect(reason.contains("404"))
    await forwarder.close()
  }

  @Test func victoriaMetricsTakesWhatWeSend() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let port = try Loopback.freePort()
    let server = try Program(
      Places.peer("victoria-metrics"),
      ["-storageDataPath=\(folder.path)/data", "-httpListenAddr=127.0.0.1:\(port)", "-retentionPeriod=1y"],
      log: folder.appending(path: "victoria-metrics.log"))
    defer { server.send(SIGKILL) }
    #expect(await eventually { try Loopback.get(port, "/health").status == 200 }, "\(server.log.suffix(2000))")

    let forwarder = try PrometheusForwarder(
      .init(url: "http://127.0.0.1:\(port)/api/v1/write"), userAgent: "Clymene/test")
    let start = Self.now() - 600_000
    var target = try Target([Self.series("clymene_zero"), Self.series("clymene_value", ("site", "schön"))])
    // It takes rows in any order.
    for rows in [5..<10, 0..<5] {
      let delivery = try target.scrapes(
        rows.map { row -> (time: Int64, values: [Double]) in (start + Int64(row) * 1000, [0, Double(row) * 0.25]) })
      #expect(await forwarder.deliver(delivery).outcome == .delivered)
    }
    _ = try Loopback.get(port, "/internal/force_flush")
    let wanted = (0..<10).map { "\(Double($0) * 0.25)".replacingOccurrences(of: ".0", with: "") }
    let times = (0..<10).map { "\(start + Int64($0) * 1000)" }.joined(separator: ",")
    let found = await eventually {
      let exported = try Self.ask(port, "/api/v1/export?match%5B%5D=%7B__name__%3D~%22clymene_.*%22%7D")
      return exported.contains("\"values\":[\(wanted.joined(separator: ","))],\"timestamps\":[\(times)]")
        && exported.contains("\"values\":[0,0,0,0,0,0,0,0,0,0]") && exported.contains("\"site\":\"schön\"")
    }
    #expect(found)
    await forwarder.close()
  }
}
