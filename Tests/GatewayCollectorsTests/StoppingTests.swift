import Foundation
import Logging
import Testing
import WAL

@testable import GatewayCollectors

@Suite("Stopping a gateway") struct StoppingTests {
  @Test func `is no failure, however soon after the start it comes`() async throws {
    let folder = NSTemporaryDirectory() + "clymene-gateway-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let log = try WriteAheadLog.open(LogConfiguration(directory: folder))
    for milliseconds in 0..<15 {
      let settings = GatewaySettings(
        signal: .metrics, grpc: GatewayListener(host: "127.0.0.1", port: 0),
        http: GatewayListener(host: "127.0.0.1", port: 0))
      let collector = GatewayCollector(settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let running = Task { try await collector.run(into: log.sink) }
      try await Task.sleep(for: .milliseconds(milliseconds))
      running.cancel()
      try await running.value
    }
    try await log.close()
  }
}
