import Foundation
import NIOCore
import NIOPosix
import Testing
import WAL

@testable import GatewayCollectors

@Suite("Slow senders") struct SlowSendersTests {
  /// Sends pieces with pauses between them, and returns how long the connection stayed open and what came back.
  private func talk(
    _ port: Int, _ pieces: [String], pause: Duration, upTo limit: Duration = .seconds(8)
  ) async throws -> (open: Duration, answer: String) {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    let start = ContinuousClock.now
    return try await channel.executeThenClose { inbound, outbound in
      let sending = Task {
        for piece in pieces {
          try await outbound.write(ByteBuffer(string: piece))
          try await Task.sleep(for: pause)
        }
      }
      defer { sending.cancel() }
      let timer = Task {
        try await Task.sleep(for: limit)
        channel.channel.close(promise: nil)
      }
      defer { timer.cancel() }
      var answer = ""
      do {
        for try await part in inbound { answer += String(buffer: part) }
      } catch {}
      return (ContinuousClock.now - start, answer)
    }
  }

  private static func quick(_ settings: inout GatewaySettings) {
    settings.limits.headerTimeout = .milliseconds(500)
    settings.limits.bodyTimeout = .milliseconds(500)
    settings.limits.idleTimeout = .milliseconds(500)
  }

  @Test func `of headers are let go, also those who send a byte now and then`() async throws {
    try await TestGateway.run(settings: { Self.quick(&$0) }) { gateway in
      async let silent = talk(gateway.httpPort, [], pause: .zero)
      async let trickling = talk(
        gateway.httpPort, ["POST /api/v1/write HTTP/1.1\r\n"] + (0..<60).map { "X\($0): y\r\n" },
        pause: .milliseconds(100))
      async let grpc = talk(gateway.grpcPort, [], pause: .zero)
      let open = try await [silent.open, trickling.open, grpc.open]
      #expect(open.allSatisfy { $0 < .seconds(4) }, "\(open)")
    }
  }

  @Test func `of bodies are let go, and give back what they held`() async throws {
    try await TestGateway.run(settings: { Self.quick(&$0) }) { gateway in
      let head = "POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100000\r\n\r\n"
      let (open, _) = try await talk(
        gateway.httpPort, [head] + [String](repeating: "x", count: 60), pause: .milliseconds(100))
      #expect(open < .seconds(4))
      try await Task.sleep(for: .milliseconds(200))
      #expect(gateway.collector.bytesUnderWay == 0)
    }
  }

  @Test func `whose body goes on after the answer are let go`() async throws {
    try await TestGateway.run(settings: { $0.limits.sender.bodyBytes = 100 }) { gateway in
      let head = "POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000000\r\n\r\n"
      let (open, answer) = try await talk(
        gateway.httpPort, [head] + [String](repeating: "xxxxxxxxxx", count: 100), pause: .milliseconds(100))
      #expect(answer.contains("413"))
      #expect(open < .seconds(5))
    }
  }

  @Test func `do not keep a gateway from serving others or from stopping`() async throws {
    let began = ContinuousClock.now
    try await TestGateway.run { gateway in
      let head = "POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
      for _ in 0..<50 {
        Task { _ = try? await talk(gateway.httpPort, [head, "x"], pause: .seconds(60), upTo: .seconds(60)) }
      }
      try await Task.sleep(for: .milliseconds(300))
      #expect(try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf).status == 204)
    }
    // The stop's own limit is five seconds.
    #expect(ContinuousClock.now - began < .seconds(9))
  }
}
