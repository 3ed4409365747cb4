import GRPCCore
import GatewayRPC
import Model
import Testing
import WAL
import Wire

@testable import Codec
@testable import GatewayCollectors

@Suite("A full log") struct FullLogTests {
  /// Until nothing more fits. What is in it does not compress.
  private func fill(_ log: WriteAheadLog) async throws {
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "a")]))], signal: .logs)
    for number in 0..<500 {
      let line = (0..<20_000).map { _ in UInt8.random(in: 0...255) }
      let entry = LogEntry(timestamp: UnixNanoseconds(Int64(number)), line: line)
      let batch = RowBatch(logs: [LogRows(source: 1, tables: [table], entries: [.init(stream: 0, entry: entry)])])
      if try await log.sink.append(batch, positions: []) == .full { return }
    }
    Issue.record("10 MB fit into a log of 1 MiB")
  }

  @Test func `is told as “later” on every way in, and when there is room it goes on`() async throws {
    try await TestGateway.run(log: (limitBytes: 1 << 20, segmentBytes: 64 << 10)) { gateway in
      let cursor = try await gateway.log.cursor(named: "reader")
      defer { cursor.close() }
      try await fill(gateway.log)
      let rows = gateway.log.status().rows

      let push = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf)
      #expect(push.status == 503)
      #expect(Int(push.headers["retry-after"] ?? "") ?? 0 >= 1)
      let original = await #expect(throws: RPCError.self) {
        try await gateway.grpc { try await $0.call(GatewayMethods.requestMetrics, Bodies.up) }
      }
      #expect(original?.code == .unavailable)
      var sample = try SampleBlocks()
      let block = try sample.block()
      let request = DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes])
      let answers = try await gateway.deliverGRPC([request])
      #expect(answers.flatMap { $0.answers.map(\.kind) } == [.full])
      #expect(answers.first?.retryAfterMilliseconds != nil)
      #expect(try await gateway.http("GET", "/ready").status == 503)
      let health = try await gateway.grpc { try await $0.call(GatewayMethods.healthCheck, []) }
      #expect(health == HealthMessages.response(.notServing))
      #expect(gateway.log.status().rows == rows)

      var after: UInt64?
      while !cursor.isDrained(after: after) {
        let next = try await cursor.next(after: after)
        for block in next { cursor.acknowledge(block.offsets) }
        after = next.last?.offsets.upperBound ?? after
      }
      var status = 503
      for _ in 0..<100 where status == 503 {
        status = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), Bodies.protobuf).status
        if status == 503 { try await Task.sleep(for: .milliseconds(50)) }
      }
      #expect(status == 204)
      #expect(try await gateway.deliverHTTP(request).answers.map(\.kind) == [.stored])
      #expect(try await gateway.http("GET", "/ready").status == 200)
    }
  }
}
