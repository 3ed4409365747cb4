import Foundation

/// A node_exporter and an agent that scrapes it, and itself, into files, all in one temporary folder.
final class Flow {
  let folder: URL
  let exporter: Program
  let exporterPort: Int
  let adminPort: Int
  private(set) var agent: Program?

  init(interval: String, wal: String = "", jobs: String = "", forwarders: String = "") throws {
    folder = try Places.temporaryFolder()
    exporterPort = try Loopback.freePort()
    adminPort = try Loopback.freePort()
    exporter = try Program(
      Places.peer("prometheus-node-exporter"),
      ["--web.listen-address=127.0.0.1:\(exporterPort)"], log: folder.appending(path: "exporter.log"))
    let configuration = """
      global:
        scrape_interval: \(interval)
        scrape_timeout: \(interval)
        external_labels: {site: test}
      scrape_configs:
        - job_name: node
          static_configs:
            - targets: ["127.0.0.1:\(exporterPort)"]
              labels: {rack: "7"}
        - job_name: clymene
          static_configs:
            - targets: ["127.0.0.1:\(adminPort)"]
      \(jobs)
      wal:
        directory: ./wal
        \(wal)
      forwarders:
        - {name: local, type: file, path: ./out, max_file_age: 3s}
        \(forwarders)
      """
    try Data(configuration.utf8).write(to: folder.appending(path: "agent.yml"))
  }

  deinit {
    exporter.send(SIGKILL)
    agent?.send(SIGKILL)
    try? FileManager.default.removeItem(at: folder)
  }

  func start() throws -> Program {
    let program = try Program(
      Places.clymene,
      [
        "agent", "--config.file", folder.appending(path: "agent.yml").path, "--admin.http.host-ports",
        "127.0.0.1:\(adminPort)", "--log-format", "text",
      ], log: folder.appending(path: "agent.log"))
    agent = program
    return program
  }

  var isReady: Bool { (try? Loopback.get(adminPort, "/-/ready").status) == 200 }

  var output: URL { folder.appending(path: "out") }

  func metric(_ name: String) -> Double? {
    guard let page = try? Loopback.get(adminPort, "/metrics").body else { return nil }
    return page.split(separator: "\n").first { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
      .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
  }
}

/// A line of the files: one sample.
struct WrittenSample: Decodable, Hashable {
  enum Value: Decodable, Hashable {
    case number(Double)
    /// NaN, the infinities, and the end of a series.
    case word(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else {
        self = .word(try container.decode(String.self))
      }
    }

    var number: Double? {
      guard case .number(let number) = self else { return nil }
      return number
    }
  }

  var timestamp: Int64
  var labels: [String: String]
  var value: Value

  var name: String { labels["__name__"] ?? "" }

  /// Everything that a folder's files hold, finished or not; throws on a line that is not whole.
  static func read(_ folder: URL) throws -> [WrittenSample] {
    let decoder = JSONDecoder()
    return try files(folder).flatMap { file in
      try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map {
        try decoder.decode(WrittenSample.self, from: $0)
      }
    }
  }

  /// Without the forwarder's own small file.
  static func files(_ folder: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { !$0.lastPathComponent.hasPrefix(".") }.sorted { $0.path < $1.path }
  }
}
