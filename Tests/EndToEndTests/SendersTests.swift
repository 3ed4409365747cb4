import Foundation
import Testing

/// Prometheus and vmagent, as they are, write into a gateway that dies now and then.
@Suite("Other senders", .serialized)
struct SendersTests {
  private static let seconds =
    ProcessInfo.processInfo.environment["CLYMENE_SOAK_CHAIN_SECONDS"].flatMap(Double.init) ?? 16

  /// A collector of somebody else that scrapes an exporter and writes to a gateway.
  private struct Sender {
    var name: String
    var exporter: LoadExporter
    var program: Program

    static func prometheus(_ exporter: LoadExporter, to url: String, in folder: URL) throws -> Sender {
      let file = folder.appending(path: "prometheus.yml")
      let text = """
        global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {sender: prometheus}}
        scrape_configs:
        \(exporter.job)
        remote_write:
          - {url: "\(url)", queue_config: {max_backoff: 1s}}
        """
      try Data(text.utf8).write(to: file)
      return Sender(
        name: "prometheus", exporter: exporter,
        program: try Program(
          Places.peer("prometheus"),
          [
            "--enable-feature=agent", "--config.file=\(file.path)",
            "--storage.agent.path=\(folder.path)/prometheus-data",
            "--web.listen-address=127.0.0.1:\(try Loopback.freePort())",
          ], log: folder.appending(path: "prometheus.log")))
    }

    static func vmagent(_ exporter: LoadExporter, to url: String, in folder: URL) throws -> Sender {
      let file = folder.appending(path: "vmagent.yml")
      let text = """
        global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {sender: vmagent}}
        scrape_configs:
        \(exporter.job)
        """
      try Data(text.utf8).write(to: file)
      return Sender(
        name: "vmagent", exporter: exporter,
        program: try Program(
          Places.peer("vmagent"),
          [
            "-promscrape.config=\(file.path)", "-remoteWrite.url=\(url)",
            "-remoteWrite.tmpDataPath=\(folder.path)/vmagent-data",
            "-httpListenAddr=127.0.0.1:\(try Loopback.freePort())",
          ], log: folder.appending(path: "vmagent.log")))
    }
  }

  @Test func loseNothingAtAGatewayThatIsKilled() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let gateway = try GatewayProcess(named: "gateway", forwarders: [GatewayProcess.files()], in: folder)
    try await gateway.start()
    let url = "http://127.0.0.1:\(gateway.httpPort)/api/v1/write"
    let series = 60
    let senders = [
      try Sender.prometheus(try LoadExporter(targets: 2, series: series), to: url, in: folder),
      try Sender.vmagent(try LoadExporter(targets: 2, series: series), to: url, in: folder),
    ]
    let end = ContinuousClock.now + .seconds(Self.seconds)
    var kills = 0
    while ContinuousClock.now < end {
      try await Task.sleep(for: .seconds(4))
      #expect(gateway.end(SIGKILL) == 128 + SIGKILL, "\(gateway.said)")
      try await gateway.start()
      kills += 1
    }
    #expect(kills > 1)
    for sender in senders { sender.exporter.server.stop() }
    let pages = senders.map(\.exporter.pages)

    /// The pages of a target by their number, from what was written.
    func scrapes() throws -> [String: [Double: [WrittenSample]]] {
      let samples = try WrittenSample.read(gateway.output())
      var byScrape: [String: [WrittenSample]] = [:]
      for sample in Set(samples) where sample.name.hasPrefix("bench_") {
        let key = "\(sample.labels["sender"] ?? "") \(sample.labels["instance"] ?? "")"
        byScrape["\(key) \(sample.timestamp)", default: []].append(sample)
      }
      var found: [String: [Double: [WrittenSample]]] = [:]
      for (key, samples) in byScrape {
        // Ends of series have no number.
        guard let number = samples.first(where: { $0.name == LoadPage.sequenceName })?.value.number else { continue }
        found[key.split(separator: " ").prefix(2).joined(separator: " "), default: [:]][number] = samples
      }
      return found
    }
    for (sender, pages) in zip(senders, pages) {
      for target in 0..<sender.exporter.targets {
        let key = "\(sender.name) \(LoadExporter.instance(target))"
        // The last page may not have come through whole.
        let isThere = await eventually(seconds: 60) {
          (try scrapes()[key]?.keys.max() ?? 0) >= Double(pages[target] - 1)
        }
        #expect(isThere, "\(key): \(sender.program.log.suffix(1500))\n\(gateway.said)")
        let numbers = try scrapes()[key] ?? [:]
        let first = try #require(numbers.keys.min())
        let missing = (Int(first)..<pages[target]).filter { numbers[Double($0)] == nil }
        #expect(missing.isEmpty, "\(key): pages \(missing) of \(Int(first)) to \(pages[target])")
        for (number, samples) in numbers where samples.count != series {
          Issue.record("\(key): page \(number) has \(samples.count) samples of \(series)")
        }
      }
    }
    for sender in senders {
      sender.program.send(SIGTERM)
      _ = sender.program.wait()
    }
    #expect(gateway.end(SIGTERM) == 0, "\(gateway.said)")
    let written = try WrittenSample.read(gateway.output())
    let repeated = written.count - Set(written).count
    print("\(kills) kills: \(written.count) samples of Prometheus and vmagent, \(repeated) repeated")
  }
}
