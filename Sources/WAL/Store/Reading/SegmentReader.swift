import Codec

/// Reads blocks out of one open segment: copies them in a read transaction, ends that, and only then looks at them.
struct SegmentReader {
  /// What one reading gave.
  struct Reading: Sendable {
    var blocks: [StoredBlock] = []
    /// Rows that should be there and are not, or cannot be read: to be counted and passed over.
    var missing: [Range<UInt64>] = []
    /// Records whose bytes are not what was written.
    var damaged: [Damaged] = []
    /// The segment has nothing more after these blocks.
    var reachedEnd = false
  }

  struct Damaged: Sendable {
    var offsets: Range<UInt64>
    var bytes: [UInt8]
    var reason: String
  }

  /// Tables by name, kept from reading to reading; forgotten as a whole when they become too many, which an `add` may do at any time: whoever needs a
  /// table holds it.
  struct TableCache: Sendable {
    private let limitBytes: Int
    private var tables: [TableName: SeriesTable] = [:]
    private var bytes = 0

    init(limitBytes: Int = 32 << 20) { self.limitBytes = limitBytes }

    subscript(name: TableName) -> SeriesTable? { tables[name] }

    mutating func add(_ table: SeriesTable) {
      if bytes > limitBytes {
        tables = [:]
        bytes = 0
      }
      if tables.updateValue(table, forKey: table.name) == nil { bytes += table.bytes.count }
    }
  }

  private struct Raw {
    var key: UInt64
    /// The record head and the block, apart, so that the block is copied once.
    var head: [UInt8]
    var block: [UInt8]
    /// Nil when the header cannot be read.
    var end: UInt64?
    /// Why the header cannot be read.
    var problem: FormatError?
  }

  /// Blocks that hold rows from `start` on and below `end`, without those delivered as a whole; at least one if there is one, further
  /// ones while they fit `limitBytes`. Rows from `end` on are not looked at: they were committed later.
  static func read(
    _ segment: Segment, from start: UInt64, to end: UInt64, notIn delivered: DeliveredRanges, limitBytes: Int,
    tables cache: inout TableCache
  ) throws(LogError) -> Reading {
    var raws: [Raw] = []
    var reading = Reading()
    var wanted: [TableName: [UInt8]] = [:]
    var expected = start
    var bytes = 0
    let cached = cache
    reading.reachedEnd = true
    try segment.environment.read { (transaction) throws(LogError) in
      try transaction.forEach(segment.blocks, fromFloorOf: start) { (key, value) throws(LogError) -> Bool in
        if key >= end { return false }
        if raws.last.map({ $0.end == nil }) ?? false {
          // How far a block with a broken header reaches is only known from the next one.
          raws[raws.count - 1].end = key
          expected = key
        }
        var header: BlockHeader?
        var problem: FormatError?
        do throws(FormatError) { header = try StoredRecord.header(of: value, at: key) } catch { problem = error }
        let blockEnd = header.map { key + UInt64($0.rowCount) }
        // The floor: a block that ends before, or a broken one that was passed over before.
        if let blockEnd, blockEnd <= start { return true }
        if blockEnd == nil, key < start { return true }
        if key > expected { reading.missing.append(expected..<key) }
        if let blockEnd { expected = max(expected, blockEnd) }
        if let blockEnd, delivered.contains(key..<blockEnd) { return true }
        if !raws.isEmpty, bytes + value.byteCount > limitBytes {
          reading.reachedEnd = false
          return false
        }
        let split = min(RecordHead.byteCount, value.byteCount)
        raws.append(
          Raw(
            key: key, head: value.copied(0..<split), block: value.copied(split..<value.byteCount), end: blockEnd,
            problem: problem))
        bytes += value.byteCount
        value.giveBackPages()
        for name in header?.tables ?? [] where cached[name] == nil && wanted[name] == nil {
          wanted[name] = try transaction.bytes(segment.tables, name.bytes) ?? []
        }
        return true
      }
    }
    if let last = raws.last, last.end == nil {
      raws[raws.count - 1].end = end
      expected = end
    }
    if reading.reachedEnd, expected < end { reading.missing.append(expected..<end) }
    var fresh: [TableName: SeriesTable] = [:]
    for (name, stored) in wanted {
      guard let table = try? SeriesTable(verifying: stored), table.name == name else { continue }
      fresh[name] = table
      cache.add(table)
    }
    for raw in raws {
      let offsets = raw.key..<max(raw.key, raw.end ?? raw.key)
      do throws(FormatError) {
        if let problem = raw.problem { throw problem }
        let block = try SealedBlock(verifying: raw.block)
        var tables: [SeriesTable] = []
        for name in block.header.tables {
          guard let table = fresh[name] ?? cached[name] else {
            throw FormatError(.missingTable, "block: table \(name) is not readable")
          }
          tables.append(table)
        }
        reading.blocks.append(StoredBlock(offsets: offsets, block: block, tables: tables))
      } catch {
        reading.damaged.append(Damaged(offsets: offsets, bytes: raw.head + raw.block, reason: "\(error)"))
      }
    }
    return reading
  }
}
