import Foundation
import Testing

/// What Prometheus' own programs say about ours.
@Suite("Prometheus")
struct PeerTests {
  @Test func isScrapedAndFindsNothingWrongWithOurMetrics() async throws {
    let port = try Loopback.freePort()
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let flow = try Flow(
      interval: "1s",
      jobs: """
          - job_name: prometheus
            static_configs:
              - targets: ["127.0.0.1:\(port)"]
        """)
    let agent = try flow.start()

    // The other way round it scrapes our agent.
    let configuration = """
      global: {scrape_interval: 1s}
      scrape_configs:
        - job_name: clymene
          static_configs:
            - targets: ["127.0.0.1:\(flow.adminPort)"]
      """
    try Data(configuration.utf8).write(to: folder.appending(path: "prometheus.yml"))
    let prometheus = try Program(
      Places.peer("prometheus"),
      [
        "--config.file=\(folder.path)/prometheus.yml", "--storage.tsdb.path=\(folder.path)/data",
        "--web.listen-address=127.0.0.1:\(port)",
      ], log: folder.appending(path: "prometheus.log"))
    defer { prometheus.send(SIGKILL) }

    #expect(
      await eventually {
        try WrittenSample.read(flow.output).contains {
          $0.name == "prometheus_build_info" && $0.labels["job"] == "prometheus"
        }
      }, "\(agent.log)")
    let found = await eventually {
      try Loopback.get(port, "/api/v1/query?query=up%7Bjob%3D%22clymene%22%7D").body.contains("\"1\"]")
    }
    #expect(found, "\(prometheus.log.suffix(2000))")

    let page = folder.appending(path: "metrics.txt")
    try Data(Loopback.get(flow.adminPort, "/metrics").body.utf8).write(to: page)
    let check = Process()
    check.executableURL = Places.peer("promtool")
    check.arguments = ["check", "metrics"]
    check.standardInput = try FileHandle(forReadingFrom: page)
    let complaints = Pipe()
    check.standardOutput = complaints
    check.standardError = complaints
    try check.run()
    let said = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    check.waitUntilExit()
    #expect(check.terminationStatus == 0, "\(said)")
    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
  }
}
