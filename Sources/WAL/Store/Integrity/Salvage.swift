import Codec
import Glibc
import Model

/// What can be saved from a damaged segment without its tree: the file is scanned for records and tables, which carry their own
/// lengths and checksums, wherever they stand. LMDB keeps a large value on pages of its own and a small one inside a leaf
/// page, but always in one piece.
///
/// Copies that LMDB's copy-on-write left behind are told apart, a block whose record head is damaged gets its place back when only
/// one fits, and what is missing is named. Collector positions and received ranges have no checksums and are not salvaged: the
/// catalog's copy of the positions takes their place, and `received` starts anew, so that a repeat may be stored twice.
///
/// Memory: one window of the file, one block, and about 100 bytes for each block and table found.
public struct Salvage: ~Copyable {
  public struct FoundBlock: Sendable, Equatable {
    /// Nil when the record head was damaged and no gap fits the block.
    public internal(set) var offsets: Range<UInt64>?
    public let origin: Origin
    public let tenant: Tenant
    public let sequences: ClosedRange<UInt64>
    /// Of the block, not of its record head, in the file.
    let position: UInt64
    let byteCount: Int

    var rowCount: Int { Int(sequences.upperBound - sequences.lowerBound) + 1 }
  }

  /// By offset; those without one at the end, in the order of the file.
  public let blocks: [FoundBlock]
  public let tables: [TableName]
  public let report: SalvageReport
  private let file: RescueFile
  private let tablePlaces: [TableName: (position: UInt64, byteCount: Int)]

  /// Scans the whole file. `offsets` is what the segment may hold: from its name to that of the next one, when there is a next
  /// one; blocks elsewhere are leftovers of something else. Throws when the file cannot be opened.
  public init(scanning path: String, offsets: Range<UInt64> = 0..<UInt64.max) throws(IntegrityError) {
    let file = try RescueFile(reading: path)
    var scan = SalvageScan(offsets: offsets)
    try scan.run(over: file)
    let sorted = SalvageOrder.resolve(scan.records, strays: scan.strays, within: offsets, report: &scan.report)
    scan.report.bytes = file.length
    scan.report.tables = scan.tables.count
    scan.report.damagedBlocks = scan.damaged.subtracting(sorted.compactMap { $0.offsets?.lowerBound }).count
    self.blocks = sorted
    self.tables = scan.tableOrder
    self.report = scan.report
    self.tablePlaces = scan.tables
    self.file = file
  }

  /// Reads a block again and verifies it again. Nil when the file has changed since.
  public func read(_ block: FoundBlock) throws(IntegrityError) -> SealedBlock? {
    guard let bytes = try file.bytes(at: block.position, count: block.byteCount) else { return nil }
    return try? SealedBlock(verifying: bytes)
  }

  /// Reads a table again and verifies it again. Nil when it was not found or the file has changed since.
  public func table(_ name: TableName) throws(IntegrityError) -> SeriesTable? {
    guard let place = tablePlaces[name], let bytes = try file.bytes(at: place.position, count: place.byteCount) else {
      return nil
    }
    return try? SeriesTable(verifying: bytes)
  }
}

/// What a salvage found, for the log and the quarantine's note.
public struct SalvageReport: Sendable, Equatable, CustomStringConvertible {
  public internal(set) var bytes: UInt64 = 0
  public internal(set) var blocks = 0
  public internal(set) var rows = 0
  public internal(set) var tables = 0
  /// Further copies of the same block, left behind by copy-on-write.
  public internal(set) var duplicates = 0
  /// Whole blocks that claim rows of another one; the first in the file is kept.
  public internal(set) var conflicts = 0
  /// Whole blocks whose offsets belong to another segment.
  public internal(set) var foreign = 0
  /// Blocks whose record head was damaged and whose place was found all the same, and those without a place.
  public internal(set) var placed = 0
  public internal(set) var unplaced = 0
  /// Records whose head is whole and whose block is not, nor another copy of it.
  public internal(set) var damagedBlocks = 0
  /// Bytes that the disk could not read.
  public internal(set) var unreadableBytes: UInt64 = 0
  /// Offsets that no block covers, between the first and the last that the segment is known to have held.
  public internal(set) var missing: [Range<UInt64>] = []
  /// More broken heads than any accident makes; the scan stopped looking behind heads of damaged blocks.
  public internal(set) var gaveUp = false

  public var missingRows: UInt64 { missing.reduce(0) { $0 + UInt64($1.count) } }

  public var description: String {
    var lines = [
      "scanned \(bytes) bytes: \(blocks) blocks with \(rows) rows and \(tables) tables are whole",
      "positions and received ranges cannot be salvaged from data",
    ]
    func say(_ count: Int, _ text: String) { if count > 0 { lines.append("\(count) \(text)") } }
    say(damagedBlocks, "blocks damaged")
    say(duplicates, "further copies")
    say(conflicts, "blocks set aside because they claim rows of another one")
    say(foreign, "blocks of other segments")
    say(placed, "blocks without a record head, their place found by the gap that they fill")
    say(unplaced, "blocks without a record head, their place unknown")
    if unreadableBytes > 0 { lines.append("\(unreadableBytes) bytes could not be read") }
    if gaveUp { lines.append("too many broken heads: not all places were tried") }
    for range in missing.prefix(20) { lines.append("missing: rows \(range.lowerBound) to \(range.upperBound - 1)") }
    if missing.count > 20 { lines.append("missing: \(missing.count - 20) further ranges") }
    return lines.joined(separator: "\n")
  }
}
