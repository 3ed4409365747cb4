import Codec
import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import Forwarders

@Suite(.timeLimit(.minutes(1))) struct GatewayHTTPTests {
  private static func forwarder(_ server: ReceivingServer) throws -> GatewayForwarder {
    try GatewayForwarderTests.forwarder([server.address]) {
      $0.transport = .http
      $0.http.authentication = .credentials(type: "Bearer", .text("secret-token"))
    }
  }

  /// A gateway that answers by `answer`, with 200.
  private static func server(
    _ answer: @escaping @Sendable (Int, DeliverRequest) -> [BlockAnswer]
  ) throws -> ReceivingServer {
    let count = Mutex(0)
    return try ReceivingServer { connection in
      while let request = connection.readRequest() {
        guard let request = try? DeliverRequest(decoding: request.body) else { return connection.answer("400 Bad") }
        let number = count.withLock { count in
          count += 1
          return count
        }
        let body = DeliverResponse(id: request.id, answers: answer(number, request)).encoded()
        connection.write(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
      }
    }
  }

  @Test func `Blocks are posted with their tables, and the next ones without`() async throws {
    let server = try Self.server { _, request in request.blocks.map { _ in BlockAnswer(.stored) } }
    let forwarder = try Self.forwarder(server)
    for row in UInt64(1)...2 {
      let delivery = try GatewayForwarderTests.delivery(row * 2...row * 2 + 1)
      let answer = await forwarder.deliver(delivery)
      #expect(answer.outcome == .delivered)
      #expect(answer.sentBytes == server.requests.last?.body.count)
    }
    let requests = try server.requests.map { try DeliverRequest(decoding: $0.body) }
    #expect(requests.map(\.tables.count) == [1, 0] && requests.map(\.blocks.count) == [2, 2])
    #expect(server.requests[0].head.hasPrefix("POST /api/v1/blocks HTTP/1.1"))
    #expect(server.requests[0].header("authorization") == "Bearer secret-token")
    await forwarder.close()
  }

  @Test func `Tables that the gateway lacks are posted again within the delivery`() async throws {
    let name = try SampleBlocks.table("a").name
    let server = try Self.server { number, request in
      guard number == 2 else { return request.blocks.map { _ in BlockAnswer(.stored) } }
      return [BlockAnswer(.missingTables, missingTables: [name]), BlockAnswer(.skipped)]
    }
    let forwarder = try Self.forwarder(server)
    _ = await forwarder.deliver(try GatewayForwarderTests.delivery(1...1))
    #expect(try await forwarder.deliver(GatewayForwarderTests.delivery(2...3)).outcome == .delivered)
    let requests = try server.requests.map { try DeliverRequest(decoding: $0.body) }
    #expect(requests.map(\.tables.count) == [1, 0, 1] && requests.map(\.blocks.count) == [1, 2, 2])
    await forwarder.close()
  }

  @Test(arguments: [
    ("400 Bad Request", "refused"), ("413 Too Large", "tooLarge"), ("401 Unauthorized", "misconfigured"),
    ("404 Not Found", "misconfigured"), ("415 Unsupported", "misconfigured"), ("302 Found", "misconfigured"),
    ("503 Unavailable", "retry"), ("500 Error", "retry"), ("429 Slow Down", "retry"),
  ])
  func `A status has its meaning`(status: String, wanted: String) async throws {
    let server = try ReceivingServer.answering(status, "some words", headers: "Retry-After: 7\r\n")
    let forwarder = try Self.forwarder(server)
    let answer = await forwarder.deliver(try GatewayForwarderTests.delivery(1...1))
    #expect("\(answer.outcome)".hasPrefix(wanted), "\(answer)")
    #expect(answer.status == Int(status.prefix(3)))
    if case .retry(let reason, let after) = answer.outcome {
      #expect(after == .seconds(7) && reason.contains("some words"))
      #expect(answer.mayHaveArrived == (status.first == "5"))
    }
    await forwarder.close()
  }

  @Test func `No connection, a lost answer, and an answer of another kind are retries`() async throws {
    let closed = try GatewayForwarderTests.forwarder(["127.0.0.1:\(try ReceivingServer.closedPort())"]) {
      $0.transport = .http
    }
    let delivery = try GatewayForwarderTests.delivery(1...1)
    let none = await closed.deliver(delivery)
    #expect("\(none.outcome)".contains("connection refused") && !none.mayHaveArrived && none.sentBytes == 0)
    await closed.close()
    let losing = try ReceivingServer { _ = $0.readRequest() }
    let odd = try ReceivingServer.answering("200 OK", "not protobuf")
    for server in [losing, odd] {
      let forwarder = try Self.forwarder(server)
      let answer = await forwarder.deliver(delivery)
      guard case .retry = answer.outcome else { return #expect(Bool(false), "\(answer)") }
      #expect(answer.mayHaveArrived && answer.sentBytes > 0)
      await forwarder.close()
    }
  }
}
