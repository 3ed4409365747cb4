import Codec
import Model
import Testing

@testable import Forwarders

@Suite(.timeLimit(.minutes(1))) struct GatewayWireBytesTests {
  private struct Random {
    var generator = SeededGenerator(7)
    mutating func step(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  }

  @Test func `Ten targets of a thousand series cost little on the wire, HTTP/2 and answers included`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try GatewayForwarderTests.forwarder([gateway.address])
    let tables = try (0..<10).map { try SampleBlocks.table("target-\($0)", series: 1000) }
    var random = Random()
    // Of each target's series: half counters, a quarter gauges, a quarter that hardly ever change.
    var values = (0..<10).map { _ in (0..<1000).map { Double($0 * 1000) } }
    var sealer = try BlockSealer()
    var sequence: UInt64 = 1
    var blockBytes = 0
    var before = (written: 0, read: 0)
    for scrape in 0..<22 {
      for target in 0..<10 {
        for series in 0..<1000 {
          switch series % 4 {
          case 0, 1: values[target][series] += Double(random.step(0...200))
          case 2: values[target][series] = Double(random.step(0...10_000)) / 100
          default: break
          }
        }
        let row = MetricRow.scrape(
          ScrapeRow(
            source: UInt64(target), tables: [tables[target]], timestamp: UnixMilliseconds(Int64(scrape) * 15_000),
            values: values[target]))
        let blocks = try sealer.seal(RowBatch(metrics: [row]), origin: SampleBlocks.origin, firstSequence: sequence)
        sequence += 1
        if scrape > 1 { blockBytes += blocks.reduce(0) { $0 + $1.block.bytes.count } }
        #expect(await forwarder.deliver(Delivery(blocks: blocks, generation: 0)).outcome == .delivered)
      }
      // The tables went with the first.
      if scrape == 1 { before = await forwarder.connectionBytes ?? before }
    }
    let after = try #require(await forwarder.connectionBytes)
    let samples = Double(20 * 10 * 1000)
    let wire = Double(after.written - before.written + after.read - before.read)
    let added = (wire - Double(blockBytes)) / samples
    print("bytes a sample: blocks \(Double(blockBytes) / samples), added by the exchange \(added)")
    // Each block is a request here, which is the worst that a lane does.
    #expect(added < 0.15, "\(added)")
    await forwarder.close()
    await gateway.stop()
  }
}
