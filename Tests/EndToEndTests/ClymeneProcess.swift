import Foundation

/// The built program in one of its roles, with a configuration, a log and ports that stay the same over its restarts.
class ClymeneProcess {
  let role: String
  let name: String
  let folder: URL
  let adminPort: Int
  private(set) var program: Program?

  /// Everything that it owns bears its name, so that several can live in one folder.
  init(_ role: String, named name: String, in folder: URL) throws {
    self.role = role
    self.name = name
    self.folder = folder
    adminPort = try Loopback.freePort()
  }

  deinit { program?.send(SIGKILL) }

  /// Its log's folder, when the configuration says `wal: {directory: ./wal-NAME}`.
  var log: URL { folder.appending(path: "wal-\(name)") }

  /// Takes effect with the next start.
  func configure(_ text: String) throws { try Data(text.utf8).write(to: configuration) }

  private var configuration: URL { folder.appending(path: "\(name).yml") }

  /// Returns when it is ready; throws with what it said when it is not.
  func start() async throws {
    let program = try Program(
      Places.clymene,
      [
        role, "--config.file", configuration.path, "--admin.http.host-ports", "127.0.0.1:\(adminPort)", "--log-format",
        "text",
      ], log: folder.appending(path: "\(name).log"))
    self.program = program
    let port = adminPort
    guard await eventually(seconds: 60, { try Loopback.get(port, "/-/ready").status == 200 }) else {
      throw Loopback.Failure(description: "\(name) does not become ready: \(said)")
    }
  }

  /// Ends it with a signal; gives its exit code.
  func end(_ signal: Int32) -> Int32? {
    program?.send(signal)
    return program?.wait()
  }

  /// What it said last.
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
