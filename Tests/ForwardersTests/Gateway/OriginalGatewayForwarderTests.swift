import Codec
import Foundation
import GRPCCore
import Model
import Testing
import Wire

@testable import Forwarders

@Suite(.timeLimit(.minutes(1))) struct OriginalGatewayForwarderTests {
  private static func forwarder(
    _ address: String, _ transport: GatewayConfiguration.Transport = .grpc, timeout: Duration = .seconds(30)
  ) throws -> OriginalGatewayForwarder {
    var configuration = GatewayConfiguration(addresses: [try #require(GatewayAddress(address, defaultPort: 1))])
    configuration.transport = transport
    configuration.timeout = timeout
    return try OriginalGatewayForwarder(configuration, userAgent: "Clymene/1.2.3")
  }

  private static func logs(tenant: Tenant = .default) throws -> Delivery {
    var sealer = try BlockSealer()
    let streams = try SeriesTable(encoding: [Series(Labels([Label("job", "till")]))], signal: .logs)
    let entry = LogEntry(timestamp: UnixNanoseconds(1_700_000_000_123_456_789), line: Array("hello".utf8))
    let batch = RowBatch(
      tenant: tenant, logs: [LogRows(source: 3, tables: [streams], entries: [.init(stream: 0, entry: entry)])])
    return Delivery(blocks: try sealer.seal(batch, origin: SampleBlocks.origin, firstSequence: 1), generation: 0)
  }

  @Test func `Metrics go as one uncompressed remote write message by the original's method`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder(gateway.address)
    let answer = await forwarder.deliver(try SampleBlocks.delivery(1...4))
    #expect(answer.outcome == .delivered)
    let call = try #require(gateway.seen.unary.first)
    #expect(call.method == "RequestMetrics" && answer.sentBytes == call.message.count)
    let message = try RemoteWriteDecoder.decode(call.message)
    #expect(message.series.count == 3 && message.series.allSatisfy { $0.samples.count == 4 })
    #expect(forwarder.takesPartsOfRows && !forwarder.wantsMergedBlocks)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Several calls share a connection`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder(gateway.address)
    for row in UInt64(1)...20 { _ = await forwarder.deliver(try SampleBlocks.delivery(row...row)) }
    #expect(gateway.seen.unary.count == 20)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `A storage that fails is a retry, which may have arrived`() async throws {
    let gateway = try await StandInGateway(unary: { $0 == 1 ? RPCError(code: .unknown, message: "es: down") : nil })
    let forwarder = try Self.forwarder(gateway.address)
    let delivery = try SampleBlocks.delivery(1...1)
    let answer = await forwarder.deliver(delivery)
    guard case .retry(let reason, _) = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(reason.contains("es: down") && answer.mayHaveArrived)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Nobody listens, and a server that says nothing, are retries`() async throws {
    let closed = try Self.forwarder("127.0.0.1:\(try ReceivingServer.closedPort())")
    let delivery = try SampleBlocks.delivery(1...1)
    let none = await closed.deliver(delivery)
    #expect("\(none.outcome)".contains("connection refused") && !none.mayHaveArrived)
    await closed.close()
    let server = try ReceivingServer { $0.waitForClose() }
    let hung = try Self.forwarder(server.address, timeout: .milliseconds(300))
    guard case .retry = await hung.deliver(delivery).outcome else { return #expect(Bool(false)) }
    await hung.close()
  }

  @Test func `A message past the original's limit is cut before it is sent`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder(gateway.address)
    let table = try SampleBlocks.table("a", series: 20_000)
    var sealer = try BlockSealer()
    let rows = (1...12).map { row in
      MetricRow.scrape(
        ScrapeRow(
          source: 7, tables: [table], timestamp: UnixMilliseconds(row * 1000),
          values: (0..<20_000).map { Double($0) + 0.5 }))
    }
    let blocks = try sealer.seal(
      RowBatch(tenant: .default, metrics: rows), origin: SampleBlocks.origin, firstSequence: 1)
    let answer = await forwarder.deliver(Delivery(blocks: blocks, generation: 0))
    guard case .tooLarge = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(answer.sentBytes == 0 && gateway.seen.unary.isEmpty)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Over HTTP metrics are posted with the original's headers, compressed`() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let forwarder = try Self.forwarder(server.address, .http)
    #expect(try await forwarder.deliver(SampleBlocks.delivery(1...2)).outcome == .delivered)
    let request = try #require(server.requests.first)
    #expect(request.head.hasPrefix("POST /api/metrics HTTP/1.1"))
    #expect(request.header("content-encoding") == "snappy")
    #expect(request.header("content-type") == "application/x-protobuf")
    #expect(request.header("user-agent") == "Clymene/1.2.3" && request.header("clymene-version") == "1.2.3")
    let plain = try Snappy.decompress(request.body.span.bytes, limitBytes: 1 << 20)
    #expect(try RemoteWriteDecoder.decode(plain).series.count == 3)
    await forwarder.close()
  }

  @Test func `Logs go as the original's JSON, over gRPC in its batch, over HTTP as they are`() async throws {
    let tenant = try #require(Tenant("team-a"))
    let gateway = try await StandInGateway()
    let overGRPC = try Self.forwarder(gateway.address)
    #expect(try await overGRPC.deliver(Self.logs(tenant: tenant)).outcome == .delivered)
    let call = try #require(gateway.seen.unary.first)
    #expect(call.method == "TransferBatch" && call.message.first == 0x0a)
    let server = try ReceivingServer.answering("204 No Content")
    let overHTTP = try Self.forwarder(server.address, .http)
    #expect(try await overHTTP.deliver(Self.logs(tenant: tenant)).outcome == .delivered)
    let request = try #require(server.requests.first)
    #expect(request.head.hasPrefix("POST /api/logs HTTP/1.1"))
    for bytes in [call.message, request.body] {
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(text.contains(#""line":"hello""#) && text.contains(#""tenantID":"team-a""#), "\(text)")
      #expect(text.contains(#"{job=\"till\"}"#))
    }
    await overGRPC.close()
    await overHTTP.close()
    await gateway.stop()
  }
}
