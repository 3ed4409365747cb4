import Codec
import GRPCCore
import GatewayRPC
import Model
import Testing
import WAL
import Wire

@testable import GatewayCollectors

@Suite("What other programs push") struct PushesIntoALogTests {
  private func entries(_ gateway: TestGateway) async throws -> Int {
    try await gateway.log.blocks().reduce(0) { $0 + $1.block.header.entryCount }
  }

  @Test func `as remote write 1 is in the log when the answer comes, with snappy and with zstd`() async throws {
    try await TestGateway.run { gateway in
      let first = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf)
      #expect(first.status == 204, "\(first.text)")
      #expect(first.headers["x-prometheus-remote-write-samples-written"] == "1")
      let zstd = try ZstdFrames().frame(Bodies.up)
      let second = try await gateway.http(
        "POST", "/api/v1/write", zstd,
        [
          "Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest", "Content-Encoding": "zstd",
          "X-Scope-OrgID": "shop",
        ])
      #expect(second.status == 204, "\(second.text)")
      let blocks = try await gateway.log.blocks()
      #expect(blocks.map(\.block.header.tenant.name).sorted() == ["", "shop"])
      #expect(blocks.allSatisfy { $0.block.header.entryCount == 1 })
    }
  }

  @Test func `as remote write 2 says how much was written`() async throws {
    try await TestGateway.run { gateway in
      let answer = try await gateway.http(
        "POST", "/api/v1/write", Bodies.snappy(Bodies.remoteWrite2),
        [
          "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request", "Content-Encoding": "snappy",
          "X-Prometheus-Remote-Write-Version": "2.0.0",
        ])
      #expect(answer.status == 204, "\(answer.text)")
      #expect(answer.headers["x-prometheus-remote-write-samples-written"] == "1")
      #expect(answer.headers["x-prometheus-remote-write-histograms-written"] == "0")
      #expect(answer.headers["x-prometheus-remote-write-exemplars-written"] == "0")
    }
  }

  @Test func `that is wrong in part is stored in part, and answered 400 with the numbers`() async throws {
    try await TestGateway.run { gateway in
      let body = Bodies.remoteWrite([[("__name__", "up")], [("", "x")]])
      let answer = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(body), Bodies.protobuf)
      #expect(answer.status == 400)
      #expect(answer.headers["x-prometheus-remote-write-samples-written"] == "1")
      #expect(try await entries(gateway) == 1)
      // Of what is refused whole nothing was written, and that is said, too.
      let garbage = try await gateway.http("POST", "/api/v1/write", [0xff, 0xff], Bodies.protobuf)
      #expect(garbage.status == 400)
      #expect(garbage.headers["x-prometheus-remote-write-samples-written"] == "0")
    }
  }

  @Test func `in an unknown form is answered 415, and garbage 400`() async throws {
    try await TestGateway.run { gateway in
      for (type, encoding) in [
        ("application/json", "snappy"), ("application/x-protobuf;proto=other.Request", "snappy"),
        ("application/x-protobuf", "br"), ("application/x-protobuf", "gzip"),
      ] {
        let answer = try await gateway.http(
          "POST", "/api/v1/write", Bodies.snappy(Bodies.up), ["Content-Type": type, "Content-Encoding": encoding])
        #expect(answer.status == 415, "\(type) \(encoding)")
      }
      let garbage = try await gateway.http("POST", "/api/v1/write", [1, 2, 3, 4], Bodies.protobuf)
      #expect(garbage.status == 400)
      let notProtobuf = try await gateway.http("POST", "/api/v1/write", Bodies.snappy([0xff, 0xff]), Bodies.protobuf)
      #expect(notProtobuf.status == 400)
    }
  }

  @Test func `by the original's agents comes over both of its ways`() async throws {
    try await TestGateway.run { gateway in
      // Whatever the headers say, it is snappy.
      let http = try await gateway.http("POST", "/api/metrics", Bodies.snappy(Bodies.up), ["Content-Encoding": "gzip"])
      #expect(http.status == 204, "\(http.text)")
      let grpc = try await gateway.grpc { try await $0.call(GatewayMethods.requestMetrics, Bodies.up) }
      #expect(grpc.isEmpty)
      #expect(try await entries(gateway) == 2)
    }
  }

  @Test func `as logs comes by Loki's push and by the original's ways`() async throws {
    try await TestGateway.run(.logs) { gateway in
      let json = try await gateway.http(
        "POST", "/loki/api/v1/push", Bodies.lokiJSON, ["Content-Type": "application/json"])
      #expect(json.status == 204, "\(json.text)")
      let protobuf = try await gateway.http(
        "POST", "/loki/api/v1/push", Bodies.snappy(Bodies.lokiProtobuf),
        ["Content-Type": "application/x-protobuf", "X-Scope-OrgID": "shop"])
      #expect(protobuf.status == 204, "\(protobuf.text)")
      let original = try await gateway.http("POST", "/api/logs", Bodies.producerBatch)
      #expect(original.status == 204, "\(original.text)")
      let grpc = try await gateway.grpc {
        try await $0.call(GatewayMethods.transferBatch, ProducerBatch.wrap(Bodies.producerBatch))
      }
      #expect(grpc.isEmpty)
      let blocks = try await gateway.log.blocks()
      #expect(Set(blocks.map(\.block.header.tenant.name)) == ["", "shop", "team-a"])
      #expect(blocks.reduce(0) { $0 + $1.block.header.entryCount } == 4)
    }
  }

  @Test func `of the other signal is told where to go`() async throws {
    try await TestGateway.run { gateway in
      let logs = try await gateway.http("POST", "/loki/api/v1/push", Bodies.lokiJSON)
      #expect(logs.status == 404)
      #expect(logs.text.contains("promtail-gateway"))
      await #expect(throws: RPCError.self) {
        try await gateway.grpc { try await $0.call(GatewayMethods.transferBatch, []) }
      }
      let wrongMethod = try await gateway.http("GET", "/api/v1/write")
      #expect(wrongMethod.status == 405)
      #expect(try await gateway.http("POST", "/nothing").status == 404)
    }
  }

  @Test func `to a log that is full is answered 503 and UNAVAILABLE, and health says so`() async throws {
    try await TestGateway.run(sink: FullSink()) { gateway in
      let answer = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf)
      #expect(answer.status == 503)
      #expect(answer.headers["retry-after"] == "5")
      let error = await #expect(throws: RPCError.self) {
        try await gateway.grpc { try await $0.call(GatewayMethods.requestMetrics, Bodies.up) }
      }
      #expect(error?.code == .unavailable)
      var sample = try SampleBlocks()
      let block = try sample.block()
      let blocks = try await gateway.deliverHTTP(
        DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes, block.bytes]))
      #expect(blocks.answers.map(\.kind) == [.full, .skipped])
      #expect(blocks.retryAfterMilliseconds == 1000)
      #expect(try await gateway.http("GET", "/ready").status == 503)
      let health = try await gateway.grpc { try await $0.call(GatewayMethods.healthCheck, []) }
      #expect(health == HealthMessages.response(.notServing))
    }
  }

  @Test func `to a disk that fails is answered 503 as well`() async throws {
    try await TestGateway.run(sink: FailingSink()) { gateway in
      let answer = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf)
      #expect(answer.status == 503)
      var sample = try SampleBlocks()
      let block = try sample.block()
      let answers = try await gateway.deliverGRPC([
        DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes]),
        DeliverRequest(id: 2, isFirst: false, blocks: [block.bytes]),
      ])
      #expect(
        answers.flatMap { $0.answers.map(\.kind) } == [.failed, .skipped]
          || answers.flatMap { $0.answers.map(\.kind) } == [.failed, .failed])
    }
  }
}

/// A log without room.
struct FullSink: Sink {
  func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance { .full }
  func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance { .full }
  func append(
    received blocks: [SealedBlock], tables: [SeriesTable], positions: [CollectorPosition]
  ) async throws -> [ReceivedOutcome] { blocks.map { _ in .full } }
}

/// A disk that refuses.
struct FailingSink: Sink {
  struct Broken: Error {}

  func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance { throw Broken() }
  func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance { throw Broken() }
  func append(
    received blocks: [SealedBlock], tables: [SeriesTable], positions: [CollectorPosition]
  ) async throws -> [ReceivedOutcome] { throw Broken() }
}
