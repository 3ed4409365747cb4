import GRPCCore
import GatewayRPC
import Model
import Synchronization
import Testing
import WAL
import Wire

@testable import Codec
@testable import GatewayCollectors

@Suite("Blocks of another log") struct BlocksIntoALogTests {
  @Test func `are in this log when HTTP has answered, and known when they come again`() async throws {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks(tenant: #require(Tenant("shop")))
      let block = try sample.block()
      let request = DeliverRequest(id: 7, tables: [sample.table.bytes], blocks: [block.bytes])
      let first = try await gateway.deliverHTTP(request)
      #expect(first == DeliverResponse(id: 7, answers: [BlockAnswer(.stored)]))
      let second = try await gateway.deliverHTTP(request)
      #expect(second.answers.map(\.kind) == [.alreadyHeld])
      let held = try await gateway.log.blocks()
      #expect(held.map(\.block) == [block])
    }
  }

  @Test func `go through one gRPC stream in order, with a table that comes once`() async throws {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      var requests: [DeliverRequest] = []
      var blocks: [SealedBlock] = []
      for id in 1...40 {
        let block = try sample.block()
        blocks.append(block)
        requests.append(
          DeliverRequest(
            id: UInt64(id), isFirst: id == 1, tables: id == 1 ? [sample.table.bytes] : [], blocks: [block.bytes]))
      }
      let answers = try await gateway.deliverGRPC(requests)
      #expect(answers.map(\.id) == (1...40).map { UInt64($0) })
      #expect(answers.allSatisfy { $0.answers == [BlockAnswer(.stored)] })
      let held = try await gateway.log.blocks()
      #expect(held.map(\.block) == blocks)
    }
  }

  @Test func `that miss a table hold up what is behind them until the delivery begins anew`() async throws {
    try await TestGateway.run { gateway in
      var known = try SampleBlocks()
      var unknown = try SampleBlocks(name: "other")
      let (first, second, third) = (try known.block(), try unknown.block(), try known.block())
      let answers = try await gateway.deliverGRPC([
        DeliverRequest(id: 1, tables: [known.table.bytes], blocks: [first, second, third].map(\.bytes)),
        DeliverRequest(id: 2, isFirst: false, blocks: [third.bytes]),
        DeliverRequest(id: 3, isFirst: true, tables: [unknown.table.bytes], blocks: [second.bytes, third.bytes]),
      ])
      #expect(
        answers.map { $0.answers.map(\.kind) } == [
          [.stored, .missingTables, .skipped], [.skipped], [.stored, .stored],
        ])
      #expect(answers[0].answers[1].missingTables == [unknown.table.name])
    }
  }

  @Test func `that are skipped leave their tables there, and say which they miss`() async throws {
    try await TestGateway.run { gateway in
      var samples = try (0..<4).map { try SampleBlocks(name: "name\($0)") }
      let blocks = try samples.indices.map { try samples[$0].block() }
      let tables = samples.map(\.table)
      // Of the first and the last the sender believes that they are there.
      func requests(_ sent: Set<Int>) -> [DeliverRequest] {
        blocks.indices.map {
          DeliverRequest(
            id: UInt64($0), isFirst: $0 == 0, tables: sent.contains($0) ? [tables[$0].bytes] : [],
            blocks: [blocks[$0].bytes])
        }
      }
      let first = try await gateway.deliverGRPC(requests([1, 2])).flatMap(\.answers)
      #expect(first.map(\.kind) == [.missingTables, .skipped, .skipped, .missingTables])
      #expect(first[3].missingTables == [tables[3].name])
      let second = try await gateway.deliverGRPC(requests([0, 3])).flatMap(\.answers)
      #expect(second.map(\.kind) == [.stored, .stored, .stored, .stored])
    }
  }

  @Test func `that were skipped because the sender is too fast keep their tables as well`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.sender.entriesPerSecond = 30 }) { gateway in
      var (first, second) = (try SampleBlocks(series: 10), try SampleBlocks(series: 10, name: "other"))
      let blocks = [try first.block(rows: 4), try first.block(rows: 4), try second.block(rows: 1)]
      let answers = try await gateway.deliverGRPC([
        DeliverRequest(id: 1, tables: [first.table.bytes], blocks: [blocks[0].bytes, blocks[1].bytes]),
        DeliverRequest(id: 2, isFirst: false, tables: [second.table.bytes], blocks: [blocks[2].bytes]),
      ])
      #expect(answers.flatMap { $0.answers.map(\.kind) } == [.stored, .full, .skipped])
      #expect(gateway.collector.cachedTables.count == 2)
    }
  }

  @Test func `of more tables than the cache holds get through in one delivery`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.tableCacheBytes = 3000 }) { gateway in
      var samples = try (0..<50).map { try SampleBlocks(series: 2, name: "name\($0)") }
      let blocks = try samples.indices.map { try samples[$0].block() }
      let request = DeliverRequest(id: 1, tables: samples.map(\.table.bytes), blocks: blocks.map(\.bytes))
      let answer = try await gateway.deliverHTTP(request)
      #expect(answer.answers.allSatisfy { $0.kind == .stored })
      #expect(gateway.collector.cachedTables.count < 50)
    }
  }

  /// As a sender sends them on one stream: one block a request, the table with the first.
  private func requests(_ sample: inout SampleBlocks, _ count: Int) throws -> [DeliverRequest] {
    try (1...count).map { id in
      DeliverRequest(
        id: UInt64(id), isFirst: id == 1, tables: id == 1 ? [sample.table.bytes] : [],
        blocks: [try sample.block().bytes])
    }
  }

  @Test func `that come on two streams at once are there once`() async throws {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      let requests = try requests(&sample, 60)
      async let one = gateway.deliverGRPC(requests)
      async let other = gateway.deliverGRPC(requests)
      let kinds = try await (one + other).flatMap { $0.answers.map(\.kind) }
      #expect(kinds.count == 120 && kinds.allSatisfy { $0 == .stored || $0 == .alreadyHeld }, "\(kinds)")
      let sequences = try await gateway.log.blocks().flatMap { block in
        Array(block.block.header.sequences)
      }
      #expect(sequences.sorted() == Array(1...120))
    }
  }

  @Test func `whose sender goes away in the middle are there once when it has sent them again`() async throws {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      let requests = try requests(&sample, 60)
      let (answered, answer) = AsyncStream.makeStream(of: Void.self)
      let streaming = Task {
        try await gateway.grpc { client in
          try await client.bidirectionalStreaming(
            request: StreamingClientRequest { writer in
              for request in requests.prefix(40) { try await writer.write(request.encoded()) }
              try await Task.sleep(for: .seconds(60))
            }, descriptor: GatewayMethods.deliver, serializer: BytesCoder(), deserializer: BytesCoder(),
            options: .defaults
          ) { response in
            for try await _ in response.messages { answer.yield() }
          }
        }
      }
      for await _ in answered { break }
      streaming.cancel()
      _ = await streaming.result
      let kinds = try await gateway.deliverGRPC(requests).flatMap { $0.answers.map(\.kind) }
      #expect(kinds.count == 60 && kinds.allSatisfy { $0 == .stored || $0 == .alreadyHeld }, "\(kinds)")
      #expect(kinds.first == .alreadyHeld)
      let rows = try await gateway.log.blocks().reduce(0) { $0 + $1.block.header.rowCount }
      #expect(rows == 120)
      // Nothing of the stream is left.
      #expect(gateway.collector.bytesUnderWay == 0)
      #expect(gateway.collector.waitingForStop == 0)
    }
  }

  @Test func `are refused one by one when they are not what they say`() async throws {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      let (good, other) = (try sample.block(), try sample.block())
      var damaged = other.bytes
      damaged[damaged.count - 1] ^= 1
      let answer = try await gateway.deliverHTTP(
        DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [damaged, [1, 2, 3], good.bytes]))
      #expect(answer.answers.map(\.kind) == [.refused, .refused, .stored])
      #expect(answer.answers[0].reason.contains("checksum"))
    }
  }

  @Test func `of the other signal are not refused, for their sender is set up wrongly and has to hold them`()
    async throws
  {
    try await TestGateway.run { gateway in
      let logs = try SampleBlocks.logs()
      let request = DeliverRequest(id: 1, tables: [logs.table.bytes], blocks: [logs.block.bytes])
      let answer = try await gateway.http("POST", "/api/v1/blocks", request.encoded())
      #expect(answer.status == 404)
      #expect(answer.text.contains("promtail-gateway"))
      let error = await #expect(throws: RPCError.self) { try await gateway.deliverGRPC([request]) }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test func `of a later version of the format may come again, and nothing behind them is stored before them`()
    async throws
  {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      var later = try sample.block().bytes
      later[4] += 1
      let answer = try await gateway.deliverHTTP(
        DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [later, try sample.block().bytes]))
      #expect(answer.answers.map(\.kind) == [.failed, .skipped], "\(answer.answers)")
    }
  }

  @Test func `are refused when a table has other series than they say, though all sums fit`() async throws {
    try await TestGateway.run { gateway in
      // A block over a table of two series, whose header is made to name a table of three.
      var two = try SampleBlocks(series: 2)
      let three = try SampleBlocks(series: 3)
      let block = try two.block()
      var bytes = block.bytes
      let at = block.header.byteCount - 8 - TableName.byteCount
      bytes.replaceSubrange(at..<(at + TableName.byteCount), with: three.table.name.bytes)
      let sum = Checksum.xxh3(bytes.span.bytes.extracting(0..<(at + TableName.byteCount)))
      withUnsafeBytes(of: sum.littleEndian) {
        bytes.replaceSubrange((at + TableName.byteCount)..<block.header.byteCount, with: $0)
      }
      #expect(try SealedBlock(verifying: bytes).header.tables == [three.table.name])
      let answer = try await gateway.deliverHTTP(
        DeliverRequest(id: 1, tables: [two.table.bytes, three.table.bytes], blocks: [bytes]))
      #expect(answer.answers.map(\.kind) == [.refused])
      #expect(answer.answers.first?.reason.contains("2 series of table") == true, "\(answer)")
    }
  }

  @Test func `with parts of rows get new numbers each time`() async throws {
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      let block = try sample.block()
      let request = DeliverRequest(id: 1, renumbers: true, tables: [sample.table.bytes], blocks: [block.bytes])
      for _ in 0..<2 {
        let answer = try await gateway.deliverHTTP(request)
        #expect(answer.answers.map(\.kind) == [.stored])
      }
      let held = try await gateway.log.blocks()
      #expect(held.reduce(0) { $0 + $1.block.header.rowCount } == 4)
      #expect(held.allSatisfy { $0.block.header.origin != sample.origin })
    }
  }

  @Test func `of logs go to the other gateway`() async throws {
    try await TestGateway.run(.logs) { gateway in
      let logs = try SampleBlocks.logs()
      let answers = try await gateway.deliverGRPC([
        DeliverRequest(id: 1, tables: [logs.table.bytes], blocks: [logs.block.bytes])
      ])
      #expect(answers.map { $0.answers.map(\.kind) } == [[.stored]])
    }
  }

  @Test func `keep only tables that a block names, and of those no more than the cache holds`() async throws {
    try await TestGateway.run(settings: .with { $0.limits.tableCacheBytes = 5000 }) { gateway in
      var request = DeliverRequest(id: 1)
      for number in 0..<200 {
        var sample = try SampleBlocks(series: 2, name: "name\(number)")
        request.tables.append(sample.table.bytes)
        if number >= 100 { request.blocks.append(try sample.block().bytes) }
      }
      var unused = request
      unused.blocks = []
      _ = try await gateway.deliverHTTP(unused)
      #expect(gateway.collector.cachedTables.count == 0)
      let answer = try await gateway.deliverHTTP(request)
      #expect(answer.answers.allSatisfy { $0.kind == .stored })
      #expect(gateway.collector.cachedTables.bytes <= 5000)
      #expect(gateway.collector.cachedTables.count > 0)
    }
  }

  @Test func `on a stream that is open when the gateway stops are answered, and the stream ends`() async throws {
    let (answered, answer) = AsyncStream.makeStream(of: DeliverResponse.self)
    let (stopped, stop) = AsyncStream.makeStream(of: Void.self)
    let began = ContinuousClock.now
    let client = Mutex<Task<RPCError?, any Error>?>(nil)
    try await TestGateway.run { gateway in
      var sample = try SampleBlocks()
      let request = DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [try sample.block().bytes])
      let streaming = Task {
        try await gateway.grpc { client in
          do {
            try await client.bidirectionalStreaming(
              request: StreamingClientRequest { writer in
                try await writer.write(request.encoded())
                for await _ in stopped {}
              }, descriptor: GatewayMethods.deliver, serializer: BytesCoder(), deserializer: BytesCoder(),
              options: .defaults
            ) { response in
              for try await message in response.messages { answer.yield(try DeliverResponse(decoding: message)) }
            }
            return nil
          } catch let error as RPCError {
            stop.finish()
            return error
          }
        } as RPCError?
      }
      client.withLock { $0 = streaming }
      for await response in answered {
        #expect(response.answers.map(\.kind) == [.stored])
        break
      }
    }
    #expect(ContinuousClock.now - began < .seconds(4))
    let error = try await client.withLock { $0 }?.value
    #expect(error?.code == .unavailable)
  }
}
