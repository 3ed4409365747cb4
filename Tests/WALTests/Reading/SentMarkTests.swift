import Codec
import Foundation
import Testing

@testable import WAL

@Suite struct `The mark of what may have been sent` {
  private func filled(_ scratch: LogScratch, rows: Int = 10) async throws -> WriteAheadLog {
    let log = try scratch.open()
    _ = try await log.append(Rows.lines(0..<rows))
    return log
  }

  @Test func `survives a kill, ahead of what was asked, and never past the log's end`() async throws {
    let scratch = LogScratch()
    var log = try await filled(scratch)
    var cursor = try await log.cursor(named: "a")
    #expect(cursor.sentBefore == 0)
    try await cursor.markSent(upTo: 4, aheadRows: 3)
    #expect(cursor.sentBefore == 0, "what this holder sends, it knows itself")
    await log.abandon()
    log = try scratch.open()
    cursor = try await log.cursor(named: "a")
    #expect(cursor.sentBefore == 7)
    try await cursor.markSent(upTo: 9)
    await log.abandon()
    log = try scratch.open()
    // The bound is 4,096 rows ahead; rows that come from here on were not sent.
    _ = try await log.append(Rows.lines(10..<20))
    cursor = try await log.cursor(named: "a")
    #expect(cursor.sentBefore == 10)
    #expect(log.status().consumers.first?.sentBefore == 10)
    cursor.acknowledge(0..<10)
    #expect(cursor.sentBefore == 0 && log.status().consumers.first?.sentBefore == 0)
    try await log.close()
  }

  @Test func `asks the disk once for thousands of rows`() async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    let cursor = try await log.cursor(named: "a")
    func bound() -> UInt64 { log.core.state.withLock { $0.consumers["a"]?.durableSentBound ?? 0 } }
    try await cursor.markSent(upTo: 4)
    #expect(bound() == 4100)
    for offset in UInt64(5)...4100 { try await cursor.markSent(upTo: offset) }
    #expect(bound() == 4100)
    try await cursor.markSent(upTo: 4101)
    #expect(bound() == 4101 + 8 * 4101)
    try await cursor.markSent(upTo: .max)
    #expect(bound() == SegmentName.limitOffset)
    try await log.close()
  }

  @Test func `is gone after an orderly stop, and stays when something was not answered`() async throws {
    let scratch = LogScratch()
    for settles in [true, false] {
      var log = try await filled(scratch)
      var cursor = try await log.cursor(named: "\(settles)")
      try await cursor.markSent(upTo: 6)
      cursor.acknowledge(0..<2)
      if settles { cursor.settleSent() }
      cursor.close()
      // The next holder of the same process.
      cursor = try await log.cursor(named: "\(settles)")
      #expect(cursor.sentBefore == (settles ? 0 : 6))
      try await log.close()
      log = try scratch.open()
      _ = try await log.append(Rows.lines(50..<60))
      cursor = try await log.cursor(named: "\(settles)")
      #expect(cursor.sentBefore == (settles ? 0 : 6))
      try await log.close()
    }
  }

  @Test func `is set anew after it was settled`() async throws {
    let scratch = LogScratch()
    var log = try await filled(scratch)
    var cursor = try await log.cursor(named: "a")
    try await cursor.markSent(upTo: 6)
    cursor.settleSent()
    try await cursor.markSent(upTo: 3, aheadRows: 1)
    await log.abandon()
    log = try scratch.open()
    cursor = try await log.cursor(named: "a")
    #expect(cursor.sentBefore == 4)
    try await log.close()
  }

  @Test func `is cleared by a reset`() async throws {
    let scratch = LogScratch()
    var log = try await filled(scratch)
    var cursor = try await log.cursor(named: "a")
    try await cursor.markSent(upTo: 6)
    await log.abandon()
    log = try scratch.open()
    cursor = try await log.cursor(named: "a")
    #expect(cursor.sentBefore == 10)
    try await log.resetConsumer("a", to: .oldest)
    #expect(cursor.sentBefore == 0)
    await log.abandon()
    log = try scratch.open()
    #expect(try await log.cursor(named: "a").sentBefore == 0)
    try await log.close()
  }

  @Test func `is refused to who is not the holder, and by a closed log`() async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    let old = try await log.cursor(named: "a")
    old.close()
    let new = try await log.cursor(named: "a")
    let error = await #expect(throws: LogError.self) { try await old.markSent(upTo: 1) }
    #expect(error?.kind == .misuse)
    old.settleSent()
    try await log.close()
    let closed = await #expect(throws: LogError.self) { try await new.markSent(upTo: 1) }
    #expect(closed?.kind == .closed)
  }

  @Test func `covers everything when the cursor is only a copy`() async throws {
    let scratch = LogScratch()
    var log = try await filled(scratch)
    _ = try await log.cursor(named: "a")
    try await log.close()
    try FileManager.default.removeItem(atPath: scratch.path + "/catalog.lmdb")
    log = try scratch.open()
    #expect(try await log.cursor(named: "a").sentBefore == 10)
    try await log.close()
  }

  @Test func `and the place are what the disk has a moment later`() async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    let cursor = try await log.cursor(named: "a")
    try await cursor.markSent(upTo: 5)
    cursor.acknowledge(0..<4)
    cursor.acknowledge(6..<8)
    let inspector = try LogInspector(directory: scratch.path)
    for _ in 0..<200 where try inspector.consumers()[0].base != 4 { try await Task.sleep(for: .milliseconds(10)) }
    let seen = try inspector.consumers()[0]
    #expect(seen.base == cursor.position && seen.holes == 1 && seen.sentBefore == 10)
    try await log.close()
  }
}
