import Codec
import Model
import Testing

@testable import WAL

@Suite("Reading blocks of a segment") struct SegmentReaderTests {
  @Test func `finds their tables also when the cache is emptied in the middle`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    // Four tables; the third block is over the first one again.
    let tables = try (0..<4).map { number in
      try SeriesTable(encoding: [Series(Labels([Label("table", "\(number)")]))], signal: .logs)
    }
    for number in [0, 1, 0, 2, 3] {
      _ = try await log.append(Rows.lines(0..<1, table: tables[number]))
    }
    try await log.roll()
    try await log.close()
    let segment = try Segment.open(
      path: scratch.path + "/segments/" + (scratch.segmentFiles.first ?? ""), first: 0, mode: .readingSealed)
    // Each table that is added empties it of those before.
    var cache = SegmentReader.TableCache(limitBytes: 1)
    for start in [UInt64(0), 1, 2] {
      let reading = try SegmentReader.read(
        segment, from: start, to: 5, notIn: DeliveredRanges(base: 0), limitBytes: 1 << 20, tables: &cache)
      #expect(reading.damaged.isEmpty, "\(reading.damaged.map(\.reason))")
      #expect(reading.blocks.count == 5 - Int(start))
    }
  }

  @Test func `a window of the newest blocks keeps no more tables than a bound`() throws {
    var window = HeadWindow()
    var sealer = try BlockSealer()
    for number in 0..<40 {
      // Text that does not compress.
      let labels = (0..<3000).map { Label("l\($0)", "\(UInt64.random(in: 0 ... .max)) \(number)") }
      let parts = stride(from: 0, to: labels.count, by: 300).map { Series(Labels(Array(labels[$0..<$0 + 300]))) }
      let table = try SeriesTable(encoding: parts, signal: .logs)
      let block = try sealer.seal(
        Rows.lines(0..<1, table: table), origin: .random(), firstSequence: UInt64(number) + 1)[0]
      window.push(StoredBlock(offsets: UInt64(number)..<UInt64(number) + 1, block: block.block, tables: block.tables))
      #expect(window.keptTableBytes <= HeadWindow.limitTableBytes)
    }
    window.drop(below: 40)
    #expect(window.keptTableBytes == 0 && window.start == nil)
  }
}
