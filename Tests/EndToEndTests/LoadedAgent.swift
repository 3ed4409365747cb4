import Foundation

/// The built agent with a load exporter's targets and the forwarders of a test, in a temporary folder.
final class LoadedAgent {
  let folder: URL
  let adminPort: Int
  let exporter: LoadExporter
  private let configuration: URL
  private let parts: (global: String, rest: String)
  private(set) var program: Program?

  /// Delivered rows stay in the log, so that it can be compared with what arrived. `forwarders` are items of a list in flow style.
  init(exporter: LoadExporter, interval: String, forwarders: [String], in folder: URL) throws {
    self.exporter = exporter
    self.folder = folder
    adminPort = try Loopback.freePort()
    configuration = folder.appending(path: "agent.yml")
    parts = (
      "global: {scrape_interval: \(interval), scrape_timeout: \(interval)}\n",
      """
      wal: {directory: ./wal, keep_delivered: 1d}
      forwarders:
      \(forwarders.map { "  - \($0)" }.joined(separator: "\n"))

      """
    )
    try Data("\(parts.global)scrape_configs:\n\(exporter.job)\n\(parts.rest)".utf8).write(to: configuration)
  }

  deinit { program?.send(SIGKILL) }

  var log: URL { folder.appending(path: "wal") }

  /// Returns when the agent is ready; throws with what it said when it is not.
  func start() async throws {
    let program = try Program(
      Places.clymene,
      [
        "agent", "--config.file", configuration.path, "--admin.http.host-ports", "127.0.0.1:\(adminPort)",
        "--log-format", "text",
      ], log: folder.appending(path: "agent.log"))
    self.program = program
    let port = adminPort
    guard await eventually(seconds: 60, { try Loopback.get(port, "/-/ready").status == 200 }) else {
      throw Loopback.Failure(description: "the agent does not become ready: \(said)")
    }
  }

  /// Ends the agent with a signal; gives its exit code.
  func end(_ signal: Int32) -> Int32? {
    program?.send(signal)
    return program?.wait()
  }

  /// From the next start on nothing is scraped: what waits is delivered, and nothing is added.
  func scrapeNothing() throws {
    try Data("\(parts.global)\(parts.rest)".utf8).write(to: configuration)
  }

  /// What the agent said last.
  var said: String { String((program?.log ?? "").suffix(3000)) }

  /// The samples of /metrics by series; empty when there is no answer.
  func metrics() -> [String: Double] {
    guard let page = try? Loopback.get(adminPort, "/metrics").body else { return [:] }
    var metrics: [String: Double] = [:]
    for line in page.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
      metrics[String(line[..<space])] = value
    }
    return metrics
  }

  /// Of one forwarder, by the rest of the metric's name.
  func metric(_ name: String, of forwarder: String) -> Double? {
    metrics()["clymene_forwarder_\(name){forwarder=\"\(forwarder)\"}"]
  }

  /// `clymene wal dead-letters list`.
  func deadLetters() throws -> [[String: Any]] {
    let answer = try CommandTests.run(["wal", "dead-letters", "list", log.path, "--json"])
    guard answer.code == 0, let letters = try answer.json() as? [[String: Any]] else {
      throw Loopback.Failure(description: "wal dead-letters list: \(answer.code) \(answer.errors)")
    }
    return letters
  }
}
