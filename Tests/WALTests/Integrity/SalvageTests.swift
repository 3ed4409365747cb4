import Foundation
import Model
import Testing

@testable import Codec
@testable import WAL

@Suite("Salvage of a damaged segment")
struct SalvageTests {
  @Test("finds every block and table, large and small, in a whole file", arguments: [1, 2, 3])
  func whole(seed: UInt64) throws {
    let scratch = try Scratch()
    var random = Seeded(seed)
    let truth = try NoiseSegment(scratch.file("s.lmdb"), first: 100, count: 150, sizes: 2000...200_000, using: &random)
    let end = try #require(truth.blocks.last).offsets.upperBound
    let salvage = try Salvage(scanning: scratch.file("s.lmdb"), offsets: 100..<end)
    #expect(salvage.blocks.map(\.offsets) == truth.blocks.map(\.offsets))
    for (found, block) in zip(salvage.blocks, truth.blocks) { #expect(try salvage.read(found) == block.block) }
    #expect(Set(salvage.tables) == Set(truth.tables.keys))
    for (name, bytes) in truth.tables { #expect(try salvage.table(name)?.bytes == bytes) }
    #expect(salvage.report.missing.isEmpty && salvage.report.conflicts == 0 && salvage.report.damagedBlocks == 0)
    // Small blocks stand in leaf pages, which are copied on write.
    #expect(salvage.report.duplicates > 0)
  }

  @Test("loses only what a damaged place covers, and names it")
  func damage() throws {
    let scratch = try Scratch()
    var random = Seeded(77)
    let truth = try NoiseSegment(scratch.file("s.lmdb"), first: 1, count: 60, sizes: 2000...60_000, using: &random)
    let bytes = try scratch.read("s.lmdb")
    let end = try #require(truth.blocks.last).offsets.upperBound
    for round in 0..<60 {
      // A hole of up to 9,000 bytes, or the end cut off.
      var damaged = bytes
      let start = Int.random(in: 0..<bytes.count, using: &random)
      let hole = start..<min(bytes.count, start + Int.random(in: 1...9000, using: &random))
      if round % 4 == 0 { damaged.removeSubrange(start...) } else { for i in hole { damaged[i] = ~damaged[i] } }
      let lostBytes = round % 4 == 0 ? start..<bytes.count : hole
      let salvage = try Salvage(scanning: scratch.write(damaged, as: "d.lmdb"), offsets: 1..<end)
      for (offsets, block) in truth.blocks {
        let found = salvage.blocks.first { $0.offsets == offsets }
        // A block is lost only when every copy of it was hit.
        let whole = occurrences(of: block.bytes, in: bytes).contains { !$0.overlaps(lostBytes) }
        if whole {
          let found = salvage.blocks.first {
            $0.origin == block.header.origin && $0.sequences == block.header.sequences
          }
          let read = try found.flatMap { try salvage.read($0) }
          #expect(read == block, "round \(round), offsets \(offsets)")
        } else {
          #expect(found == nil && salvage.report.missing.contains { $0.overlaps(offsets) })
        }
      }
      let covered = salvage.blocks.reduce(0) { $0 + ($1.offsets?.count ?? 0) }
      #expect(UInt64(covered) + salvage.report.missingRows == end - 1)
    }
  }

  private func occurrences(of needle: [UInt8], in hay: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var data = Data(hay)[...]
    while let range = data.range(of: Data(needle)) {
      found.append(range)
      data = data[(range.lowerBound + 1)...]
    }
    return found
  }

  @Test("finds records at any alignment and across the windows of the scan")
  func alignment() throws {
    let scratch = try Scratch()
    var random = Seeded(3)
    let origin = Origin.random(using: &random)
    var bytes: [UInt8] = []
    var expected: [Range<UInt64>] = []
    for i in 0..<40 {
      // The last of them start around the end of the first window of 1 MiB.
      let target = i < 20 ? bytes.count + i * 7 + 1 : max(bytes.count, 1_048_576 - 30 + (i - 20) * 400)
      bytes += [UInt8](repeating: 0x43, count: target - bytes.count)
      let offset = UInt64(i * 2 + 1)
      let block = NoiseBlock.make(origin: origin, sequences: offset...(offset + 1), payload: random.bytes(200))
      bytes += RecordHead(offset: offset).encoded + block.bytes
      expected.append(offset..<(offset + 2))
    }
    let salvage = try Salvage(scanning: scratch.write(bytes, as: "d.lmdb"))
    #expect(salvage.blocks.map(\.offsets) == expected)
  }

  @Test("gives a block without its record head its place back when only one gap fits")
  func strays() throws {
    let scratch = try Scratch()
    var random = Seeded(9)
    let origin = Origin.random(using: &random)
    func record(_ offset: UInt64, rows: UInt64, head: Bool = true) -> [UInt8] {
      let block = NoiseBlock.make(origin: origin, sequences: offset...(offset + rows - 1), payload: random.bytes(50))
      return (head ? RecordHead(offset: offset).encoded : []) + block.bytes
    }
    let bytes = record(10, rows: 5) + record(15, rows: 3, head: false) + record(18, rows: 2)
    let salvage = try Salvage(scanning: scratch.write(bytes, as: "d.lmdb"), offsets: 10..<20)
    #expect(salvage.blocks.map(\.offsets) == [10..<15, 15..<18, 18..<20])
    #expect(salvage.report.placed == 1 && salvage.report.missing.isEmpty)
    // Two that fit two gaps: kept, without a place.
    let two =
      record(10, rows: 5) + record(15, rows: 3, head: false) + record(18, rows: 2)
      + record(20, rows: 3, head: false) + record(23, rows: 1)
    let unsure = try Salvage(scanning: scratch.write(two, as: "d.lmdb"), offsets: 10..<24)
    #expect(unsure.blocks.map(\.offsets) == [10..<15, 18..<20, 23..<24, nil, nil])
    #expect(unsure.report.missing == [15..<18, 20..<23] && unsure.report.rows == 14)
  }

  @Test("keeps the first of two blocks that claim the same rows, and leaves out other segments' blocks")
  func conflicts() throws {
    let scratch = try Scratch()
    var random = Seeded(10)
    let (mine, other) = (Origin.random(using: &random), Origin.random(using: &random))
    let first = NoiseBlock.make(origin: mine, sequences: 1...4, payload: random.bytes(60))
    let second = NoiseBlock.make(origin: other, sequences: 1...3, payload: random.bytes(60))
    let bytes =
      RecordHead(offset: 100).encoded + first.bytes + RecordHead(offset: 102).encoded + second.bytes
      + RecordHead(offset: 100).encoded + first.bytes + RecordHead(offset: 7).encoded + second.bytes
      + RecordHead(offset: .max - 1).encoded + second.bytes
    let salvage = try Salvage(scanning: scratch.write(bytes, as: "d.lmdb"), offsets: 100..<200)
    #expect(salvage.blocks.map(\.offsets) == [100..<104])
    #expect(salvage.report.conflicts == 1 && salvage.report.duplicates == 1 && salvage.report.foreign == 2)
  }

  @Test("does not take what somebody logged for a record of its own")
  func forged() throws {
    let scratch = try Scratch()
    var random = Seeded(11)
    let (mine, forger) = (Origin.random(using: &random), Origin.random(using: &random))
    let forged = NoiseBlock.make(origin: forger, sequences: 1...9, payload: random.bytes(60))
    let payload = random.bytes(3000) + RecordHead(offset: 5).encoded + forged.bytes + random.bytes(3000)
    let block = NoiseBlock.make(origin: mine, sequences: 1...2, payload: payload)
    let page = [UInt8](repeating: 0, count: 16)
    var bytes = page + RecordHead(offset: 1).encoded + block.bytes
    #expect(try Salvage(scanning: scratch.write(bytes, as: "d.lmdb")).blocks.map(\.offsets) == [1..<3])
    // Nor when the block around it is damaged.
    bytes[bytes.count - 5] ^= 1
    let salvage = try Salvage(scanning: scratch.write(bytes, as: "d.lmdb"))
    #expect(salvage.blocks.isEmpty && salvage.report.damagedBlocks == 1)
  }

  @Test("survives any bytes, and ends soon even when they are made to hold it up")
  func hostile() throws {
    let scratch = try Scratch()
    var random = Seeded(12)
    for _ in 0..<40 {
      let parts: [[UInt8]] = [
        Array("CLMR".utf8), Array("CLMB".utf8), Array("CLMT".utf8), random.bytes(9), [1, 1, 0, 0],
      ]
      let bytes = (0..<400).flatMap { _ in parts[Int.random(in: 0..<5, using: &random)] }
      #expect(try Salvage(scanning: scratch.write(bytes, as: "d.lmdb")).blocks.isEmpty)
    }
    // Heads that each promise 8 MiB which are not theirs.
    let header = BlockHeader(
      signal: .metrics, origin: Origin.random(), sequences: 1...1, entryCount: 1, times: 0...0, payloadBytes: 8 << 20,
      compressedBytes: 8 << 20, payloadChecksum: 1, tenant: .default, tables: [])
    let bytes = [[UInt8]](repeating: header.encoded(), count: 100_000).flatMap { $0 }
    let salvage = try Salvage(scanning: scratch.write(bytes, as: "d.lmdb"))
    #expect(salvage.report.gaveUp && salvage.blocks.isEmpty)
  }
}
