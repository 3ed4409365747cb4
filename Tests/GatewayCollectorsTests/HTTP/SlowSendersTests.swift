import Foundation
import NIOCore
import NIOPosix
import Testing
import WAL

@testable import GatewayCollectors

@Suite("Slow senders") struct SlowSendersTests {
  /// Sends pieces with pauses between them, and returns how long the connection stayed open and what came back.
  private func talk(
    _ port: Int, _ pieces: [[UInt8]], pause: Duration, upTo limit: Duration = .seconds(8)
  ) async throws -> (open: Duration, answer: [UInt8]) {
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
          try await outbound.write(ByteBuffer(bytes: piece))
          try await Task.sleep(for: pause)
        }
      }
      defer { sending.cancel() }
      let timer = Task {
        try await Task.sleep(for: limit)
        channel.channel.close(promise: nil)
      }
      defer { timer.cancel() }
      var answer: [UInt8] = []
      do {
        for try await part in inbound { answer += part.readableBytesView }
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
    try await TestGateway.run(settings: .with { Self.quick(&$0) }) { gateway in
      async let silent = talk(gateway.httpPort, [], pause: .zero)
      async let trickling = talk(
        gateway.httpPort,
        [Array("POST /api/v1/write HTTP/1.1\r\n".utf8)] + (0..<60).map { Array("X\($0): y\r\n".utf8) },
        pause: .milliseconds(100))
      async let grpc = talk(gateway.grpcPort, [], pause: .zero)
      let open = try await [silent.open, trickling.open, grpc.open]
      #expect(open.allSatisfy { $0 < .seconds(4) }, "\(open)")
    }
  }

  @Test func `of bodies are let go, and give back what they held`() async throws {
    try await TestGateway.run(settings: .with { Self.quick(&$0) }) { gateway in
      let head =
        "POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100000\r\n\r\n"
      let (open, _) = try await talk(
        gateway.httpPort, [Array(head.utf8)] + [[UInt8]](repeating: [0x78], count: 60), pause: .milliseconds(100))
      #expect(open < .seconds(4))
      try await Task.sleep(for: .milliseconds(200))
      #expect(gateway.collector.bytesUnderWay == 0)
    }
  }

  @Test func `whose body goes on after the answer are let go`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.sender.bodyBytes = 100 }) { gateway in
      let head =
        "POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000000\r\n\r\n"
      let (open, answer) = try await talk(
        gateway.httpPort, [Array(head.utf8)] + [[UInt8]](repeating: [1, 2, 3, 4, 5, 6], count: 100),
        pause: .milliseconds(100))
      #expect(answer.holds("413"))
      #expect(open < .seconds(5))
    }
  }

  @Test func `do not keep a gateway from serving others or from stopping`() async throws {
    let began = ContinuousClock.now
    try await TestGateway.run { gateway in
      let head = "POST /api/v1/write HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
      for _ in 0..<50 {
        Task {
          _ = try? await talk(gateway.httpPort, [Array(head.utf8), [0x78]], pause: .seconds(60), upTo: .seconds(60))
        }
      }
      try await Task.sleep(for: .milliseconds(300))
      #expect(try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf).status == 204)
    }
    // The stop's own limit is five seconds.
    #expect(ContinuousClock.now - began < .seconds(9))
  }

  /// A frame of HTTP/2. Source: RFC 9113, section 4.1.
  private func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xff), type, flags, 0, 0, 0, stream] + payload
  }

  /// The kinds of the frames.
  private func kinds(_ bytes: [UInt8]) -> [UInt8] {
    var kinds: [UInt8] = []
    var rest = bytes[...]
    while rest.count >= 9 {
      let start = rest.startIndex
      kinds.append(rest[start + 3])
      rest = rest.dropFirst(9 + Int(rest[start]) << 16 + Int(rest[start + 1]) << 8 + Int(rest[start + 2]))
    }
    return kinds
  }

  @Test func `of gRPC messages are let go, and give back what they held`() async throws {
    try await TestGateway.run(settings: .with { Self.quick(&$0) }) { gateway in
      // RFC 7541: indexed and literal fields without Huffman coding.
      let path = Array("/prometheus.ClymeneService/RequestMetrics".utf8)
      let type = Array("application/grpc".utf8)
      let headers: [UInt8] =
        [0x83, 0x86, 0x44, UInt8(path.count)] + path + [0x5f, UInt8(type.count)] + type
        + [0x40, 2] + Array("te".utf8) + [8] + Array("trailers".utf8)
      let hello = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])
      // A message of 1,024 bytes, of which some come.
      let part = frame(0, 0, 1, [0, 0, 0, 4, 0] + [UInt8](repeating: 7, count: 100))
      let (open, answer) = try await talk(
        gateway.grpcPort, [hello + frame(1, 4, 1, headers) + part], pause: .seconds(10), upTo: .seconds(3))
      // RST_STREAM
      #expect(kinds(answer).contains(3), "\(kinds(answer)) after \(open)")
      #expect(gateway.collector.bytesUnderWay == 0)
    }
  }

  @Test func `that hold all connections give way to others in time`() async throws {
    try await TestGateway.run(
      settings: .with {
        Self.quick(&$0)
        $0.limits.connections = 2
      }
    ) { gateway in
      for port in [gateway.httpPort, gateway.grpcPort] {
        for _ in 0..<6 { Task { _ = try? await talk(port, [], pause: .zero) } }
      }
      try await Task.sleep(for: .milliseconds(200))
      let (open, _) = try await talk(gateway.grpcPort, [], pause: .zero)
      #expect(open < .milliseconds(400))
      #expect(try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf).status == 204)
    }
  }

  @Test func `are measured by the framing of gRPC, whatever pieces it comes in`() {
    let stream: [UInt8] =
      [0, 0, 0, 0, 3, 1, 2, 3] + [0, 0, 0, 0, 0] + [1, 0, 0, 1, 0] + [UInt8](repeating: 9, count: 256)
    for size in 1...stream.count {
      var lengths = MessageLengths()
      var whole: [Int] = []
      var rest = stream[...]
      while !rest.isEmpty {
        whole += lengths.add(ByteBuffer(bytes: rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
      #expect(whole == [8, 5, 261])
      #expect(!lengths.isWithinMessage)
    }
  }
}
