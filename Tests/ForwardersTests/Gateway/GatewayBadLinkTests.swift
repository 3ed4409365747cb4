import Codec
import Model
import Synchronization
import Testing
import Wire

@testable import Forwarders

@Suite(.timeLimit(.minutes(2))) struct GatewayBadLinkTests {
  /// A block of about 300 kB that does not shrink.
  private static func largeDelivery(row: UInt64) throws -> Delivery {
    var generator = SeededGenerator(row)
    let count = 40_000
    let table = try SampleBlocks.table("large", series: count)
    var sealer = try BlockSealer()
    let values = (0..<count).map { _ in Double(bitPattern: .random(in: 1..<(1 << 62), using: &generator)) }
    let scrape = MetricRow.scrape(
      ScrapeRow(source: 9, tables: [table], timestamp: UnixMilliseconds(1000), values: values))
    let blocks = try sealer.seal(RowBatch(metrics: [scrape]), origin: SampleBlocks.origin, firstSequence: row)
    return Delivery(blocks: blocks, generation: 0)
  }

  @Test func `A block that takes longer than the time for an answer to go out gets through a slow link`() async throws {
    let gateway = try await StandInGateway()
    let link = try Link(to: gateway.port)
    link.set(.narrow(bytesPerSecond: 100_000))
    let forwarder = try GatewayForwarderTests.forwarder(["127.0.0.1:\(link.port)"], timeout: .seconds(1))
    let delivery = try Self.largeDelivery(row: 1)
    #expect(delivery.blocks[0].block.bytes.count > 250_000)
    let start = ContinuousClock.now
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    // Else the link was not slow.
    #expect(ContinuousClock.now - start > .seconds(2))
    #expect(gateway.seen.requests.count == 1)
    await forwarder.close()
    link.close()
    await gateway.stop()
  }

  @Test func `A link that falls silent in the middle of a block is left after its time`() async throws {
    let gateway = try await StandInGateway()
    let link = try Link(to: gateway.port)
    let forwarder = try GatewayForwarderTests.forwarder(["127.0.0.1:\(link.port)"], timeout: .seconds(4))
    #expect(try await forwarder.deliver(GatewayForwarderTests.delivery(1...1)).outcome == .delivered)
    link.set(.silent)
    let answer = await forwarder.deliver(try Self.largeDelivery(row: 2))
    guard case .retry = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(answer.mayHaveArrived)
    link.set(.open(delayMilliseconds: 0))
    #expect(try await forwarder.deliver(Self.largeDelivery(row: 2)).outcome == .delivered)
    await forwarder.close()
    link.close()
    await gateway.stop()
  }

  /// With a time for an answer that no test waits for: only the sign of life that does not come ends the connection.
  @Test func `An idle connection that died in silence is found out before anything is sent on it`() async throws {
    let gateway = try await StandInGateway()
    let link = try Link(to: gateway.port)
    let forwarder = try GatewayForwarderTests.forwarder(
      ["127.0.0.1:\(link.port)"], timeout: .seconds(600),
      change: {
        // The least that the library takes.
        $0.keepaliveTime = .seconds(10)
        $0.keepaliveTimeout = .seconds(1)
      })
    #expect(try await forwarder.deliver(GatewayForwarderTests.delivery(1...1)).outcome == .delivered)
    link.set(.silent)
    while await forwarder.isConnected { try await Task.sleep(for: .milliseconds(50)) }
    link.set(.open(delayMilliseconds: 0))
    #expect(try await forwarder.deliver(GatewayForwarderTests.delivery(2...2)).outcome == .delivered)
    #expect(gateway.seen.headers.count == 2)
    await forwarder.close()
    link.close()
    await gateway.stop()
  }

  @Test func `A connection that is in order outlives the signs of life that are asked for`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try GatewayForwarderTests.forwarder(
      [gateway.address],
      change: {
        $0.keepaliveTime = .seconds(10)
        $0.keepaliveTimeout = .seconds(1)
      })
    #expect(try await forwarder.deliver(GatewayForwarderTests.delivery(1...1)).outcome == .delivered)
    try await Task.sleep(for: .seconds(12))
    #expect(await forwarder.isConnected)
    #expect(try await forwarder.deliver(GatewayForwarderTests.delivery(2...2)).outcome == .delivered)
    #expect(gateway.seen.headers.count == 1)
    await forwarder.close()
    await gateway.stop()
  }
}
