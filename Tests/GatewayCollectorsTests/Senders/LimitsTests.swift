import Codec
import Foundation
import GRPCCore
import GatewayRPC
import Model
import NIOCore
import NIOEmbedded
import Testing
import WAL
import Wire

@testable import GatewayCollectors

@Suite("Limits") struct LimitsTests {
  @Test func `of a body's size are answered 413 and RESOURCE_EXHAUSTED with the number`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.sender.bodyBytes = 1000 }) { gateway in
      let body = [UInt8](repeating: 0, count: 1001)
      let answer = try await gateway.http("POST", "/api/v1/write", body, Bodies.protobuf)
      #expect(answer.status == 413)
      #expect(answer.text.contains("1000 bytes"))
      let error = await #expect(throws: RPCError.self) {
        try await gateway.grpc { try await $0.call(GatewayMethods.requestMetrics, body) }
      }
      #expect(error?.code == .resourceExhausted)
    }
  }

  @Test func `hold for what a body becomes: bombs of every kind are stopped on the way`() async throws {
    let zeros = [UInt8](repeating: 0, count: 4 << 20)
    try await TestGateway.run(settings: .with { $0.limits.sender.decodedBytes = 1 << 20 }) { gateway in
      let snappy = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(zeros), Bodies.protobuf)
      #expect(snappy.status == 413, "\(snappy.text)")
      let zstd = try await gateway.http(
        "POST", "/api/v1/write", try ZstdFrames().frame(zeros),
        ["Content-Type": "application/x-protobuf", "Content-Encoding": "zstd"])
      #expect(zstd.status == 413, "\(zstd.text)")
      // A length that is a lie costs nothing.
      let lie = try await gateway.http("POST", "/api/v1/write", [0xff, 0xff, 0xff, 0xff, 0x0f, 1], Bodies.protobuf)
      #expect(lie.status == 413 || lie.status == 400)
      #expect(gateway.collector.bytesUnderWay == 0)
    }
  }

  /// Two senders, of whom one has limits.
  private static func slowAndFree(_ limit: @escaping (inout SenderLimits) -> Void) -> TestGateway.Change {
    .with {
      var limits = SenderLimits()
      limit(&limits)
      $0.senders = [
        SenderSettings(name: "slow", credentials: .bearer(.text("slow")), limits: limits),
        SenderSettings(name: "free", credentials: .bearer(.text("free"))),
      ]
    }
  }

  /// 20 samples.
  private func push(_ gateway: TestGateway, _ token: String) async throws -> TestGateway.Answer {
    var headers = Bodies.protobuf
    headers["Authorization"] = "Bearer \(token)"
    let body = Bodies.remoteWrite((0..<20).map { [("__name__", "up"), ("n", "\($0)")] })
    return try await gateway.http("POST", "/api/v1/write", Bodies.snappy(body), headers)
  }

  @Test func `of a rate are answered 429 with a time, for that sender only`() async throws {
    try await TestGateway.run(settings: Self.slowAndFree { $0.entriesPerSecond = 1 }) { gateway in
      #expect(try await push(gateway, "slow").status == 204)
      let second = try await push(gateway, "slow")
      #expect(second.status == 429)
      #expect(Int(second.headers["retry-after"] ?? "") ?? 0 >= 1)
      for _ in 0..<3 { #expect(try await push(gateway, "free").status == 204) }
      var sample = try SampleBlocks()
      let block = try sample.block()
      let blocks = try await gateway.deliverHTTP(
        DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes]), ["Authorization": "Bearer slow"])
      #expect(blocks.answers.map(\.kind) == [.full])
      #expect(blocks.retryAfterMilliseconds ?? 0 > 1000)
    }
  }

  @Test func `of bytes a second hold for each sender by itself, over HTTP and gRPC`() async throws {
    try await TestGateway.run(settings: Self.slowAndFree { $0.bytesPerSecond = 10 }) { gateway in
      #expect(try await push(gateway, "slow").status == 204)
      let second = try await push(gateway, "slow")
      #expect(second.status == 429)
      #expect(second.text.contains("slow sends more bytes a second"))
      #expect(Int(second.headers["retry-after"] ?? "") ?? 0 > 1)
      // Over gRPC the stream stays: each block is told when it may come.
      var sample = try SampleBlocks()
      let block = try sample.block()
      let request = DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes])
      let stream = try await gateway.deliverGRPC(
        [request, DeliverRequest(id: 2, isFirst: false, blocks: [block.bytes])], ["authorization": "Bearer slow"])
      #expect(stream.map(\.id) == [1, 2])
      #expect(stream.allSatisfy { $0.answers.map(\.kind) == [.full] && $0.retryAfterMilliseconds ?? 0 > 1000 })
      for _ in 0..<3 { #expect(try await push(gateway, "free").status == 204) }
    }
  }

  @Test func `of series leave out new ones and ask for nothing again that is stored`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.push.seriesPerTenant = 1 }) { gateway in
      #expect(try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf).status == 204)
      let two = Bodies.remoteWrite([[("__name__", "up"), ("job", "a")], [("__name__", "up"), ("job", "b")]])
      let partly = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(two), Bodies.protobuf)
      #expect(partly.status == 400, "\(partly.text)")
      #expect(partly.headers["x-prometheus-remote-write-samples-written"] == "1")
      let new = Bodies.remoteWrite([[("__name__", "up"), ("job", "b")]])
      let nothing = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(new), Bodies.protobuf)
      #expect(nothing.status == 429, "\(nothing.text)")
      #expect(nothing.headers["retry-after"] != nil)
    }
  }

  @Test func `of all bodies together hold for one that is larger by itself, which is too large`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.bytesUnderWay = 64 << 10 }) { gateway in
      let answer = try await gateway.http(
        "POST", "/api/v1/write", [UInt8](repeating: 0, count: 100 << 10), Bodies.protobuf)
      // One that can never be taken is not told to come again.
      #expect(answer.status == 413, "\(answer.text)")
      #expect(answer.text.contains("of 32768 that one sender may have"))
      #expect(try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf).status == 204)
      let error = await #expect(throws: RPCError.self) {
        try await gateway.grpc {
          try await $0.call(GatewayMethods.requestMetrics, [UInt8](repeating: 0, count: 100 << 10))
        }
      }
      // Its frames are counted before anybody knows what is in them.
      #expect(error?.code == .unavailable)
      #expect(gateway.collector.bytesUnderWay == 0)
    }
  }

  @Test func `of connections leave half to other addresses`() throws {
    let connections = ConnectionCount(limit: 20, firstBytesWithin: .seconds(1), budget: ByteBudget(limitBytes: 100))
    func channel(_ address: String) throws -> EmbeddedChannel {
      let channel = EmbeddedChannel()
      try channel.connect(to: SocketAddress(ipAddress: address, port: 1)).wait()
      return channel
    }
    var greedy = try (0..<12).map { _ in try channel("10.0.0.1") }
    #expect(greedy.map { connections.join($0) } == (0..<12).map { $0 < 10 })
    // Those that are too many are closed, as the servers do.
    for _ in 0..<2 {
      let channel = greedy.removeLast()
      try channel.close().wait()
      channel.embeddedEventLoop.run()
    }
    for _ in 0..<10 {
      let other = try channel("10.0.0.2")
      #expect(connections.join(other))
      greedy.append(other)
    }
    let third = try channel("10.0.0.3")
    #expect(!connections.join(third))
  }

  @Test func `of what is remembered hold against many senders and many tables`() throws {
    let records = SenderRecords(limit: 10, budget: ByteBudget(limitBytes: 100))
    for number in 0..<1000 { _ = records.record(of: "10.0.0.\(number)", limits: SenderLimits()) }
    #expect(records.all.count == 10)

    let cache = TableCache(limitBytes: 10_000)
    var first: SampleBlocks?
    for number in 0..<500 {
      let sample = try SampleBlocks(series: 3, name: "name\(number)")
      first = first ?? sample
      cache.add(sample.table, of: .default)
      // What is used stays.
      if let first { #expect(cache.table(first.table.name, of: .default) != nil) }
    }
    #expect(cache.bytes <= 10_000)
    #expect(cache.count > 5)
    // Another tenant cannot use a table by knowing its name.
    if let first, let other = Tenant("other") { #expect(cache.table(first.table.name, of: other) == nil) }
  }

  @Test func `of all bodies leave half to others, and come back when a request ends`() throws {
    let budget = ByteBudget(limitBytes: 100)
    let (one, other) = (budget.share(), budget.share())
    do {
      let lease = budget.lease(within: one)
      try lease.grow(50)
      #expect(throws: Refusal.self) { try lease.grow(1) }
      let later = #expect(throws: Refusal.self) { try budget.lease(within: one).grow(1) }
      #expect(later?.kind == .unavailable)
      #expect(later?.retryAfterSeconds == 1)
      try budget.lease(within: other).grow(50)
      let held = budget.lease(within: other)
      try held.grow(50)
      #expect(budget.usedBytes == 100)
      withExtendedLifetime((lease, held)) {}
    }
    #expect(budget.usedBytes == 0)
    #expect(one.usedBytes == 0)
  }
}
