import Codec
import Model

/// One segment's file, open: an LMDB environment with five databases. docs/log-format.md has the layout.
///
/// A class, so that a lane that reads keeps the file open while the writer rolls on; closed with its last user.
final class Segment: Sendable {
  /// What a new segment starts with.
  struct Carried: Sendable {
    var positions: [String: [UInt8]] = [:]
    var received: [ReceivedKey: ReceivedOrigin] = [:]
    /// Silent origins are not among them: the catalog has those.
    var needsCatalog = false
    /// The cursors as they stand, for the day on which the catalog is lost.
    var consumers: [String: ConsumerRecord] = [:]
  }

  static let formatVersion: UInt8 = 1
  static let headKey = Array("head".utf8)
  static let totalsKey = Array("totals".utf8)
  static let consumersKey = Array("consumers".utf8)
  static let needsCatalogKey = Array("origins".utf8)

  let first: UInt64
  let environment: Environment
  let blocks: Database
  let tables: Database
  let positions: Database
  let received: Database
  let meta: Database

  var path: String { environment.path }

  private static let names: [(name: String, integerKeys: Bool)] = [
    ("blocks", true), ("tables", false), ("positions", false), ("received", false), ("meta", false),
  ]

  private init(first: UInt64, environment: consuming Environment, databases: [Database]) {
    self.first = first
    self.environment = environment
    blocks = databases[0]
    tables = databases[1]
    positions = databases[2]
    received = databases[3]
    meta = databases[4]
  }

  /// Address space for a segment that is written: far more than it will hold, since a map that is full is an error.
  static func mapBytes(segmentBytes: Int) -> Int { max(1 << 30, segmentBytes * 4 + (256 << 20)) }

  /// Makes the file under its final name and commits its first transaction. The caller flushes the directory.
  static func create(
    path: String, first: UInt64, segmentBytes: Int, carrying carried: Carried, created: Int64, wall: Int64
  ) throws(LogError) -> Segment {
    let environment = try Environment(path: path, mapBytes: mapBytes(segmentBytes: segmentBytes), mode: .writing)
    // The handles of a transaction that creates its databases stay open after its commit, and only then are they valid.
    let databases = try environment.write { (transaction) throws(LogError) -> [Database] in
      var databases: [Database] = []
      for (name, integerKeys) in names {
        guard let made = try transaction.database(name, integerKeys: integerKeys, create: true) else {
          throw LogError(.damaged, "database \(name) was not made")
        }
        databases.append(made)
      }
      for (collector, position) in carried.positions {
        try transaction.putChecked(databases[2], Array(collector.utf8), position)
      }
      for (key, rows) in ReceivedKey.sorted(carried.received) {
        try transaction.putChecked(databases[3], key.keyBytes, rows.encoded())
      }
      if carried.needsCatalog { try transaction.putChecked(databases[4], needsCatalogKey, [1]) }
      var head = ByteWriter()
      head.byte(formatVersion)
      head.fixed(first)
      head.fixed(created)
      head.fixed(wall)
      try transaction.putChecked(databases[4], headKey, head.bytes)
      try transaction.putChecked(databases[4], consumersKey, encode(carried.consumers))
      return databases
    }
    return Segment(first: first, environment: environment, databases: databases)
  }

  /// Opens a file that has been checked and in which something was committed. Whatever the first transaction wrote has to be there.
  static func open(
    path: String, first: UInt64, mode: Environment.Mode, segmentBytes: Int = 0
  ) throws(LogError) -> Segment {
    let writing = if case .writing = mode { true } else { false }
    let environment = try Environment(
      path: path, mapBytes: writing ? mapBytes(segmentBytes: segmentBytes) : 0, mode: mode)
    let databases = try environment.databases(names, create: false).compactMap { $0 }
    guard databases.count == names.count else {
      throw LogError(.damaged, "\(path): has \(databases.count) of the \(names.count) databases of a segment")
    }
    let segment = Segment(first: first, environment: environment, databases: databases)
    guard let head = try segment.head() else { throw LogError(.damaged, "\(path): has no head") }
    guard head.version == formatVersion else {
      throw LogError(
        .newerFormat, "\(path): format version \(head.version), this program reads \(formatVersion)")
    }
    guard head.first == first else {
      throw LogError(.damaged, "\(path): is named \(first) and says that it starts at \(head.first)")
    }
    return segment
  }

  /// What the first transaction wrote; nil when there was none.
  func head() throws(LogError) -> (version: UInt8, first: UInt64, created: Int64)? {
    let stored = try environment.read { (transaction) throws(LogError) in
      try transaction.bytes(meta, Segment.headKey)
    }
    guard let stored else { return nil }
    guard let value = CheckedValue.open(stored, key: Segment.headKey) else {
      throw LogError(.damaged, "\(path): the head's checksum does not fit")
    }
    do throws(FormatError) {
      var reader = ByteReader(end: value.count)
      let version = try reader.byte("head", in: value.span.bytes)
      let first = try reader.fixed(UInt64.self, "head", in: value.span.bytes)
      let created = try reader.fixed(Int64.self, "head", in: value.span.bytes)
      return (version, first, created)
    } catch {
      throw LogError.format(error, path)
    }
  }

  /// The totals that the roll wrote; nil while the segment is active, or when they are damaged (then `countedTotals` tells).
  func sealedTotals() throws(LogError) -> SegmentTotals? {
    let stored = try environment.read { (transaction) throws(LogError) in
      try transaction.checked(meta, Segment.totalsKey)
    }
    return stored.flatMap { try? SegmentTotals(decoding: $0) }
  }

  /// Goes through all blocks' headers. `unreadable` are blocks whose header is damaged; they count in no total.
  func countedTotals() throws(LogError) -> (totals: SegmentTotals, unreadable: Int) {
    var totals = SegmentTotals(first: first)
    var unreadable = 0
    try environment.read { (transaction) throws(LogError) in
      try transaction.forEach(blocks, fromFloorOf: 0) { (key, value) throws(LogError) -> Bool in
        if let header = try? StoredRecord.header(of: value, at: key) {
          totals.add(header, at: key)
        } else {
          unreadable += 1
          totals.end = max(totals.end, key < SegmentName.limitOffset ? key + 1 : totals.end)
        }
        return true
      }
    }
    return (totals, unreadable)
  }

  /// Why keys and what they stand for contradict each other, nil when they do not. A flipped bit in a key can leave the tree in order, so that
  /// no walk sees it: the block would be at a wrong place, and appends behind it would fail for ever.
  func contradiction() throws(LogError) -> String? {
    var found: String?
    var end = first
    try environment.read { (transaction) throws(LogError) in
      try transaction.forEach(blocks, fromFloorOf: 0) { (key, value) throws(LogError) -> Bool in
        guard let head = try? RecordHead(reading: value), head.offset == key, key >= end,
          key < SegmentName.limitOffset
        else {
          found = "a block is stored at offset \(key) and does not say so, or comes before the end of the one before"
          return false
        }
        // A broken header is the block's own matter; the next key has to be behind its first row.
        let header = try? StoredRecord.header(of: value, at: key)
        if let header, value.byteCount != RecordHead.byteCount + header.blockBytes {
          found = "the block at offset \(key) is stored with \(value.byteCount) bytes and has \(header.blockBytes)"
          return false
        }
        end = key + UInt64(header?.rowCount ?? 1)
        return true
      }
      guard found == nil else { return }
      try transaction.forEach(tables) { (key, value) throws(LogError) -> Bool in
        if let header = try? SeriesTable.Header(reading: value),
          header.name.bytes != key.copied() || header.tableBytes != value.byteCount
        {
          found = "table \(header.name) is stored under another name or with another length"
        }
        return found == nil
      }
    }
    return found
  }

  /// Everything that the next segment starts with; how many entries had to be left out because their checksum did not fit.
  func carried() throws(LogError) -> (carried: Carried, damaged: Int) {
    var carried = Carried()
    var damaged = 0
    try environment.read { (transaction) throws(LogError) in
      var broken = 0
      broken += try transaction.allChecked(positions) { (key, value) throws(LogError) in
        carried.positions[String(decoding: key, as: UTF8.self)] = value
      }
      broken += try transaction.allChecked(received) { (key, value) throws(LogError) in
        if let key = ReceivedKey(keyBytes: key), let rows = try? ReceivedOrigin(decoding: value) {
          carried.received[key] = rows
        } else {
          damaged += 1
        }
      }
      damaged += broken
      carried.needsCatalog = try transaction.checked(meta, Segment.needsCatalogKey) != nil
      if let copies = try transaction.checked(meta, Segment.consumersKey) {
        carried.consumers = (try? Segment.decodeConsumers(copies)) ?? [:]
      }
    }
    return (carried, damaged)
  }

  /// Replaces the copy of the cursors; durable when it returns.
  func note(_ consumers: [String: ConsumerRecord]) throws(LogError) {
    try environment.write { (transaction) throws(LogError) in
      try transaction.putChecked(meta, Segment.consumersKey, Segment.encode(consumers))
    }
  }

  private static func encode(_ consumers: [String: ConsumerRecord]) -> [UInt8] {
    var copies = ByteWriter()
    copies.varint(consumers.count)
    for (name, record) in consumers {
      copies.string(name)
      copies.prefixed(record.encoded())
    }
    return copies.bytes
  }

  private static func decodeConsumers(_ array: [UInt8]) throws(FormatError) -> [String: ConsumerRecord] {
    let bytes = array.span.bytes
    var reader = ByteReader(end: array.count)
    var consumers: [String: ConsumerRecord] = [:]
    let count = try reader.count("cursors", limit: array.count, in: bytes)
    for _ in 0..<count {
      let name = try reader.string("cursor's name", in: bytes)
      consumers[name] = try ConsumerRecord(decoding: try reader.prefixed("cursor", in: bytes))
    }
    return consumers
  }

  /// The names of the tables that the segment holds.
  func tableNames() throws(LogError) -> Set<TableName> {
    var names: Set<TableName> = []
    try environment.read { (transaction) throws(LogError) in
      try transaction.forEach(tables) { (key, _) throws(LogError) -> Bool in
        if let name = TableName(keyBytes: key.copied()) { names.insert(name) }
        return true
      }
    }
    return names
  }

  /// One table, verified; nil when it is not there or damaged.
  func table(_ name: TableName) throws(LogError) -> SeriesTable? {
    let stored = try environment.read { (transaction) throws(LogError) in try transaction.bytes(tables, name.bytes) }
    guard let table = stored.flatMap({ try? SeriesTable(verifying: $0) }), table.name == name else { return nil }
    return table
  }
}

/// A value of `blocks`: the record head and the block.
enum StoredRecord {
  /// The header of the block in a record, when head and header fit.
  static func header(of record: RawSpan, at key: UInt64) throws(FormatError) -> BlockHeader {
    let head = try RecordHead(reading: record)
    guard head.offset == key, key < SegmentName.limitOffset else {
      throw FormatError(.inconsistent, "record: says offset \(head.offset), is stored at \(key)")
    }
    return try BlockHeader(reading: record.extracting(droppingFirst: RecordHead.byteCount))
  }
}
