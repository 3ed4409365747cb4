import Codec
import Foundation
import FoundationNetworking
import HTTP
import Logging
import Model
import Synchronization
import Testing
import WAL
import Yams

@testable import Runtime

/// A destination that repeats in its answer what it should not.
private struct TalkativeForwarder: Forwarder {
  let words: String

  func deliver(_ delivery: Delivery) async -> Answer { Answer(.misconfigured(reason: "401: \(words)")) }
}

/// Keeps the lines that would go to standard error.
private struct LinesKept: LogHandler {
  final class Lines: Sendable {
    let lines = Mutex<[String]>([])
  }

  var inner: StandardErrorLog
  let kept: Lines

  var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue }
  }
  var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    let line = inner.line(
      at: UnixMilliseconds(0), level: event.level, message: "\(event.message)", metadata: event.metadata ?? [:])
    kept.lines.withLock { $0.append(line) }
  }
}

@Suite("Secrets of the configuration")
struct SecretsStayHiddenTests {
  @Test func areOnNoPageAndInNoLineOfTheLogWhoeverRepeatsThem() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "secrets-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // The comment's is in no tree.
    let (text, all) = PlantedSecrets.plant()
    let planted = Array(all.dropFirst())
    var configuration = try Configuration.parse(
      "wal: {directory: ./wal}\nforwarders: [{name: talkative, type: file, path: ./out}]\n", file: "test.yml",
      folder: folder.path)
    let sanitized = ConfigurationSanitizer.sanitize(try #require(try Yams.compose(yaml: text)))
    configuration.sanitizedText = sanitized.text
    configuration.secrets = sanitized.secrets
    let words = planted.joined(separator: " and ")
    // Something for the forwarder to talk about.
    let before = try WriteAheadLog.open(LogConfiguration(directory: configuration.log.directory))
    let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "first")]))])
    let row = ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(1), values: [1])
    _ = try await before.append(RowBatch(metrics: [.scrape(row)]))
    try await before.close()

    let role = Role(
      name: "test", defaultAdminAddress: ":0", defaultConfigurationFile: "",
      collectors: { configuration, _ in
        RoleCollectors(
          running: [],
          targets: {
            let panel = StatusSnapshot.TargetPanel(
              job: "job", url: "http://u:\(planted[0])@host/?token=\(planted[1])", labels: ["a": planted[2]],
              health: .down, lastError: words)
            return [panel.hiding(configuration.secrets)]
          }, metrics: { _ in }, close: {})
      })
    let kept = LinesKept.Lines()
    let logger = Logger(label: "test") { label in
      LinesKept(
        inner: StandardErrorLog(label: label, level: .trace, format: .text, hiding: sanitized.secrets), kept: kept)
    }
    let (stops, stop) = AsyncStream.makeStream(of: Int32.self)
    let settled = configuration
    let running = Task {
      try await Pipeline.run(
        role, configuration: settled, admin: [try #require(AdminAddress("127.0.0.1:0"))], logger: logger,
        stops: stops, limits: .init(), makeForwarder: { _ in TalkativeForwarder(words: words) })
    }
    let lines: @Sendable () -> [String] = { kept.lines.withLock { $0 } }
    #expect(await eventually { lines().contains { $0.contains("401") } && lines().contains { $0.contains("listens") } })
    let address = try #require(
      lines().first { $0.contains("listens") }?.split(separator: "address=").last?.filter { !$0.isWhitespace })

    for path in [
      "", "targets", "log", "forwarders", "config", "api/v1/config", "api/v1/status", "api/v1/history", "metrics",
    ] {
      let url = try #require(URL(string: "http://\(address)/\(path)"))
      let (data, _) = try await URLSession.shared.data(from: url)
      let page = String(decoding: data, as: UTF8.self)
      #expect(!page.isEmpty)
      for secret in planted { #expect(!page.contains(secret), "\(secret) at /\(path)") }
      if ["", "targets", "forwarders"].contains(path) { #expect(page.contains("&lt;secret&gt;"), "/\(path)") }
    }
    stop.yield(15)
    try await running.value
    let log = lines().joined()
    #expect(log.contains("401: <secret> and <secret>"))
    for secret in planted { #expect(!log.contains(secret), "\(secret) in the log") }
  }
}
