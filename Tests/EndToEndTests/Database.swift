import Foundation

/// A real database that takes remote write, at a port and in a folder that stay the same over its restarts.
final class Database {
  enum Kind: String, CaseIterable {
    case victoriaMetrics = "VictoriaMetrics"
    case prometheus = "Prometheus"
  }

  struct Point: Hashable, Comparable {
    /// Milliseconds since 1970.
    var timestamp: Int64
    var value: Double

    static func < (a: Self, b: Self) -> Bool { (a.timestamp, a.value) < (b.timestamp, b.value) }
  }

  let kind: Kind
  let port: Int
  private let folder: URL
  private var program: Program?

  init(_ kind: Kind, in folder: URL) throws {
    self.kind = kind
    self.folder = folder
    port = try Loopback.freePort()
    if kind == .prometheus { try Data("global: {}\n".utf8).write(to: folder.appending(path: "prometheus.yml")) }
  }

  deinit { program?.send(SIGKILL) }

  /// The item of the agent's list.
  var forwarder: String {
    "{name: \(kind.rawValue), type: prometheus, url: \"http://127.0.0.1:\(port)/api/v1/write\", timeout: 10s}"
  }

  /// Returns when it answers.
  func start() async throws {
    let data = folder.appending(path: "\(kind.rawValue)-data").path
    let program = try Program(
      Places.peer(kind == .prometheus ? "prometheus" : "victoria-metrics"),
      kind == .prometheus
        ? [
          "--config.file=\(folder.path)/prometheus.yml", "--storage.tsdb.path=\(data)",
          "--web.listen-address=127.0.0.1:\(port)", "--web.enable-remote-write-receiver",
        ]
        // Rows that come twice are one to it only where it is told so. Answers are not to leave out the last 30 seconds.
        : [
          "-storageDataPath=\(data)", "-httpListenAddr=127.0.0.1:\(port)", "-retentionPeriod=1y",
          "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s",
        ], log: folder.appending(path: "\(kind.rawValue).log"))
    self.program = program
    let (path, port) = (kind == .prometheus ? "/-/ready" : "/health", port)
    guard await eventually(seconds: 120, { try Loopback.get(port, path).status == 200 }) else {
      throw Loopback.Failure(description: "\(kind.rawValue) does not start: \(program.log.suffix(2000))")
    }
  }

  /// Ends it in order.
  func stop() {
    program?.send(SIGTERM)
    _ = program?.wait()
  }

  /// Makes all that was written visible to queries.
  func flush() throws {
    if kind == .victoriaMetrics { _ = try Loopback.get(port, "/internal/force_flush") }
  }

  /// The results of a query by the value of one label.
  func numbers(_ query: String, by label: String) throws -> [String: Double] {
    var numbers: [String: Double] = [:]
    for one in try result(of: query) {
      guard let name = (one["metric"] as? [String: String])?[label],
        let text = (one["value"] as? [Any])?.last as? String,
        let value = Double(text)
      else { throw Loopback.Failure(description: "\(kind.rawValue): \(query) has no number by \(label): \(one)") }
      numbers[name] = value
    }
    return numbers
  }

  /// The samples of a selector in order, as often as they are stored; ends of series are none.
  func points(_ selector: String) throws -> [Point] {
    switch kind {
    case .prometheus:
      return try result(of: "\(selector)[2h]").flatMap { series in
        (series["values"] as? [[Any]] ?? []).compactMap { pair -> Point? in
          guard let seconds = pair.first as? Double, let text = pair.last as? String, let value = Double(text) else {
            return nil
          }
          return Point(timestamp: Int64((seconds * 1000).rounded()), value: value)
        }
      }.sorted()
    case .victoriaMetrics:
      // With this parameter the export shows what is stored before anything twice is left out.
      let lines = try ask("/api/v1/export?reduce_mem_usage=1&match%5B%5D=\(Self.escaped(selector))")
      return try lines.split(separator: "\n").flatMap { line -> [Point] in
        // This version writes the end of a series as null, but as NaN where it is the first of a line.
        let text = line.replacing("\"values\":[NaN", with: "\"values\":[null")
        guard let series = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
          let times = series["timestamps"] as? [Int64], let values = series["values"] as? [Any]
        else { throw Loopback.Failure(description: "VictoriaMetrics: not a line of an export: \(line.prefix(200))") }
        return zip(times, values).compactMap { time, value in
          (value as? Double).map { Point(timestamp: time, value: $0) }
        }
      }.sorted()
    }
  }

  private func result(of query: String) throws -> [[String: Any]] {
    let body = try ask("/api/v1/query?nocache=1&query=\(Self.escaped(query))")
    guard let answer = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any],
      let data = answer["data"] as? [String: Any], let result = data["result"] as? [[String: Any]]
    else { throw Loopback.Failure(description: "\(kind.rawValue): \(query): \(body.prefix(500))") }
    return result
  }

  private func ask(_ path: String) throws -> String {
    let (status, body) = try Loopback.get(port, path, waitSeconds: 120)
    guard status == 200 else { throw Loopback.Failure(description: "\(kind.rawValue): \(path): \(status) \(body)") }
    return body
  }

  private static func escaped(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
  }
}
