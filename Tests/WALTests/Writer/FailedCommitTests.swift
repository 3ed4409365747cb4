import Codec
import Foundation
import Model
import Testing

@testable import WAL

/// The writer without its thread, so that a test stands between its steps.
@Suite struct `A commit that failed` {
  @Test func `and is in the file all the same is neither lost nor overwritten`() async throws {
    let scratch = LogScratch()
    let configuration = scratch.configuration()
    let table = try Rows.table()
    do {
      var opening = try LogOpening(configuration)
      let (core, writer) = try opening.run()
      func append(_ numbers: Range<Int>) throws {
        let batch = try Rows.lines(numbers, table: table)
        writer.commit([.append(PendingAppend(id: core.newID(), batch: batch, positions: [], bytes: 0, reply: nil))])
      }
      try append(0..<3)
      // As after a flush that failed behind a transaction that reached the file: it is there, and nobody was told.
      var sealer = try BlockSealer()
      let ghost = try sealer.seal(Rows.lines(3..<5, table: table), origin: .random(), firstSequence: 1)[0]
      try put(ghost.block, at: 3, into: writer)
      let before = writer.numbering.values.map(\.origin)
      try writer.reopenActive()
      #expect(core.state.withLock { $0.end } == 5)
      #expect(core.state.withLock { $0.segments.last?.totals.rows } == 5)
      try append(5..<7)
      #expect(core.state.withLock { $0.end } == 7)
      #expect(writer.numbering.values.allSatisfy { !before.contains($0.origin) })
      writer.closeFiles()
    }
    let log = try scratch.open(configuration)
    let cursor = try await log.cursor(named: "a")
    #expect(try Rows.numbers(try await cursor.drain(until: 7)) == Array(0..<7))
    try await log.close()
  }

  private func put(_ block: SealedBlock, at offset: UInt64, into writer: LogWriter) throws {
    let active = try #require(writer.active)
    try active.environment.write { (transaction) throws(LogError) in
      try transaction.append(active.blocks, offset, RecordHead(offset: offset).encoded, block.bytes)
    }
  }
}
