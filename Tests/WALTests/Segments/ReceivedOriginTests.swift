import Codec
import Model
import Testing

@testable import WAL

@Suite struct `Received rows of an origin` {
  @Test func `tell new rows from known ones and from both`() {
    var origin = ReceivedOrigin(lastHeard: 0)
    #expect(origin.judge(1...5) == .new)
    origin.note(1...5, at: 7)
    #expect(origin.lastHeard == 7)
    #expect(origin.judge(2...4) == .known)
    #expect(origin.judge(4...8) == .partlyKnown([4...5]))
    origin.note(8...9, at: 8)
    #expect(origin.judge(3...10) == .partlyKnown([3...5, 8...9]))
  }

  @Test func `are put off when they would be the 65th range`() throws {
    var origin = ReceivedOrigin(lastHeard: 0)
    for range in 0..<UInt64(ReceivedOrigin.limitRanges) { origin.note((range * 4 + 1)...(range * 4 + 2), at: 0) }
    #expect(origin.judge(1000...1000) == .later)
    #expect(origin.judge(3...4) == .new)
    #expect(origin.judge(2...3) == .partlyKnown([2...2]))
    #expect(try ReceivedOrigin(decoding: origin.encoded()) == origin)
  }

  @Test func `survive a log that stops, and are forgotten after the window`() async throws {
    let scratch = LogScratch()
    let time = TestClock()
    let configuration = scratch.configuration(clock: time.clock)
    let table = try Rows.table()
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(Rows.lines(0..<4, table: table), origin: .random(), firstSequence: 1).map(\.block)
    var log = try scratch.open(configuration)
    #expect(try await log.append(received: blocks) == [.missingTables([table.name])])
    #expect(
      try await log.append(
        received: blocks, tables: [table], positions: [CollectorPosition(collector: "kafka", position: [1])])
        == [.stored(offsets: 0..<4)])
    #expect(log.position(of: "kafka") == [1])
    // Its table is known now.
    #expect(try await log.append(received: blocks) == [.alreadyHeld])
    await log.abandon()
    log = try scratch.open(configuration)
    #expect(try await log.append(received: blocks) == [.alreadyHeld])
    time.pass(.seconds(34 * 86400))
    try await log.roll()
    #expect(try await log.append(received: blocks) == [.alreadyHeld])
    time.pass(.seconds(36 * 86400))
    // Origins are forgotten when a segment starts.
    _ = try await log.append(Rows.lines(9..<10))
    try await log.roll()
    guard case .stored = try await log.append(received: blocks, tables: [table]).first else {
      Issue.record("a row of a forgotten origin is new")
      return
    }
    try await log.close()
  }

  @Test func `do not move a position when a block is not taken`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let table = try Rows.table()
    var sealer = try BlockSealer()
    let origin = Origin.random()
    for range in 0..<64 {
      let blocks = try sealer.seal(
        Rows.lines(range..<range + 1, table: table), origin: origin, firstSequence: UInt64(range) * 2 + 1)
      guard case .stored = try await log.append(received: blocks.map(\.block), tables: [table]).first else {
        Issue.record("range \(range) is not stored")
        return
      }
    }
    let late = try sealer.seal(Rows.lines(99..<100, table: table), origin: origin, firstSequence: 500).map(\.block)
    #expect(
      try await log.append(received: late, positions: [CollectorPosition(collector: "k", position: [1])]) == [.later])
    #expect(log.position(of: "k") == nil)
    #expect(log.status().counters.blocksToldLater == 1)
    try await log.close()
  }
}
