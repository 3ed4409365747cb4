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

  @Test func `forget the oldest range when there would be a 65th`() throws {
    var origin = ReceivedOrigin(lastHeard: 0)
    for range in 0..<UInt64(ReceivedOrigin.limitRanges) { origin.note((range * 4 + 1)...(range * 4 + 2), at: 0) }
    origin.note(1000...1000, at: 0)
    #expect(origin.sequences.ranges.count == ReceivedOrigin.limitRanges)
    #expect(origin.judge(1...2) == .new)
    #expect(origin.judge(5...6) == .known)
    #expect(origin.judge(1000...1000) == .known)
    #expect(try ReceivedOrigin(decoding: origin.encoded()) == origin)
  }

  @Test func `do not forget the rows that came just now, though they are the oldest`() {
    var origin = ReceivedOrigin(lastHeard: 0)
    for range in 1...UInt64(ReceivedOrigin.limitRanges) { origin.note((range * 4 + 1)...(range * 4 + 2), at: 0) }
    origin.note(1...1, at: 0)
    #expect(origin.judge(1...1) == .known)
    #expect(origin.judge(5...6) == .new)
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
    var sealer = try BlockSealer()
    let table = try Rows.table()
    let blocks = try sealer.seal(Rows.lines(0..<1, table: table), origin: .random(), firstSequence: 1).map(\.block)
    let answers = try await log.append(
      received: blocks, positions: [CollectorPosition(collector: "k", position: [1])])
    #expect(answers == [.missingTables([table.name])])
    #expect(log.position(of: "k") == nil)
    try await log.close()
  }
}
