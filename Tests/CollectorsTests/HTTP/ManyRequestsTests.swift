import Glibc
import Synchronization
import Testing

@testable import HTTP

/// Opens when so many have come.
final class Gate: Sendable {
  private let missing: Mutex<Int>

  init(_ count: Int) { missing = Mutex(count) }

  func arrive() { missing.withLock { $0 -= 1 } }
  var isOpen: Bool { missing.withLock { $0 <= 0 } }
}

@Suite(.timeLimit(.minutes(1)))
struct `Many requests to one place` {
  private static let count = 80

  /// Nobody is answered until all are there.
  private func server() throws -> LoopbackServer {
    let gate = Gate(Self.count)
    return try LoopbackServer { connection in
      guard connection.readRequest() != nil else { return }
      gate.arrive()
      while !gate.isOpen { usleep(2000) }
      connection.answer("a")
    }
  }

  private func statuses(
    _ configuration: HTTPConfiguration, _ url: @escaping @Sendable (Int) -> String
  ) async throws -> [Int] {
    let session = HTTPSession(configuration)
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for index in 0..<Self.count {
        group.addTask { try await session.get(url(index), timeout: .seconds(20), limitBytes: 100).status }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    await session.close()
    return statuses
  }

  @Test
  func `Slow ones do not make the others wait`() async throws {
    let server = try server()
    let address = server.address
    #expect(try await statuses(.init()) { "http://\(address)/probe?target=\($0)" } == Array(repeating: 200, count: 80))
  }

  @Test
  func `Nor do they behind a proxy`() async throws {
    let proxy = try server()
    let place = ProxySettings.Server(host: "127.0.0.1", port: Int(proxy.port))
    var configuration = HTTPConfiguration()
    configuration.proxy = ProxySettings(http: place, https: nil)
    #expect(
      try await statuses(configuration) { "http://target-\($0).example/metrics" } == Array(repeating: 200, count: 80))
  }
}
