import Codec

/// `catalog.lmdb`: the cursors, a cache of the segments' totals, a copy of the positions, and the log's own time.
///
/// The directory is the truth about segments; what is here only saves opening them. Commits are lazy (NOMETASYNC), since a
/// lost acknowledgement is only a repeat; whoever needs more calls `flush`.
final class Catalog: Sendable {
  struct Contents: Sendable {
    var consumers: [String: ConsumerRecord] = [:]
    var totals: [UInt64: SegmentTotals] = [:]
    var positions: [String: [UInt8]] = [:]
    /// Of silent origins all that is known, when there are many; of the others a copy as of the last roll.
    var received: [ReceivedKey: ReceivedOrigin] = [:]
    var time: LogTime.Mark?
    /// The log's end when the catalog was last written: offsets below it were given.
    var end: UInt64 = 0
    /// Entries whose checksum did not fit; they were left out.
    var damaged = 0
    /// Of those, the cursors whose name can be read.
    var damagedConsumers: [String] = []
  }

  /// What is to be written in one transaction.
  struct Changes: Sendable {
    var consumers: [String: ConsumerRecord] = [:]
    var forgottenConsumers: [String] = []
    var totals: [UInt64: SegmentTotals] = [:]
    var goneSegments: [UInt64] = []
    /// Replaces the whole copy.
    var positions: [String: [UInt8]]?
    var received: [ReceivedKey: ReceivedOrigin] = [:]
    var forgottenOrigins: Set<ReceivedKey> = []
    var time: LogTime.Mark?
    /// Written along with anything else.
    var end: UInt64 = 0

    var isEmpty: Bool {
      consumers.isEmpty && forgottenConsumers.isEmpty && totals.isEmpty && goneSegments.isEmpty && positions == nil
        && received.isEmpty && forgottenOrigins.isEmpty && time == nil
    }
  }

  static let formatVersion: UInt8 = 1
  private static let formatKey = Array("format".utf8)
  private static let timeKey = Array("time".utf8)
  private static let endKey = Array("end".utf8)

  private let environment: Environment
  private let consumers: Database
  private let segments: Database
  private let positions: Database
  private let meta: Database
  /// Nil while one looks at a catalog of a version that had none.
  private let received: Database?

  private static let names: [(name: String, integerKeys: Bool)] = [
    ("consumers", false), ("segments", true), ("positions", false), ("meta", false), ("received", false),
  ]

  /// Opens a catalog that has been checked, or makes one. `live`: to look at it while another process writes.
  init(path: String, live: Bool = false) throws(LogError) {
    let environment = try Environment(
      path: path, mapBytes: live ? 0 : 1 << 30, mode: live ? .readingLive : .writingLazily)
    let opened = try environment.databases(Catalog.names, create: !live)
    let databases = opened.dropLast().compactMap { $0 }
    guard databases.count == Catalog.names.count - 1 else {
      throw LogError(.damaged, "\(path): is no catalog, its databases are missing")
    }
    self.environment = environment
    consumers = databases[0]
    segments = databases[1]
    positions = databases[2]
    meta = databases[3]
    received = opened[4]
    if !live {
      let meta = databases[3]
      let stored = try self.environment.read { (transaction) throws(LogError) in
        try transaction.checked(meta, Catalog.formatKey)
      }
      if let stored {
        guard stored == [Catalog.formatVersion] else {
          throw LogError(.newerFormat, "\(path): format version \(stored), this program reads \(Catalog.formatVersion)")
        }
      } else {
        try self.environment.write { (transaction) throws(LogError) in
          try transaction.putChecked(meta, Catalog.formatKey, [Catalog.formatVersion])
        }
        try self.environment.flush()
      }
    }
  }

  func contents() throws(LogError) -> Contents {
    var contents = Contents()
    try environment.read { (transaction) throws(LogError) in
      var damaged = 0
      try transaction.forEach(consumers) { (key, stored) throws(LogError) -> Bool in
        let key = key.copied()
        if CheckedValue.open(stored.copied(), key: key) == nil {
          contents.damagedConsumers.append(String(decoding: key, as: UTF8.self))
        }
        return true
      }
      damaged += try transaction.allChecked(consumers) { (key, value) throws(LogError) in
        if let record = try? ConsumerRecord(decoding: value) {
          contents.consumers[String(decoding: key, as: UTF8.self)] = record
        } else {
          contents.damaged += 1
        }
      }
      damaged += try transaction.allChecked(segments) { (key, value) throws(LogError) in
        if let totals = try? SegmentTotals(decoding: value), totals.first < SegmentName.limitOffset,
          totals.end < SegmentName.limitOffset
        {
          contents.totals[totals.first] = totals
        } else {
          contents.damaged += 1
        }
      }
      damaged += try transaction.allChecked(positions) { (key, value) throws(LogError) in
        contents.positions[String(decoding: key, as: UTF8.self)] = value
      }
      if let received {
        damaged += try transaction.allChecked(received) { (key, value) throws(LogError) in
          if let key = ReceivedKey(keyBytes: key), let rows = try? ReceivedOrigin(decoding: value) {
            contents.received[key] = rows
          } else {
            contents.damaged += 1
          }
        }
      }
      contents.damaged += damaged
      if let mark = try transaction.checked(meta, Catalog.timeKey) {
        contents.time = try? LogTime.Mark(decoding: mark)
      }
      if let end = try transaction.checked(meta, Catalog.endKey), end.count == 8 {
        let value = end.span.bytes.unsafeLoadUnaligned(as: UInt64.self)
        if value < SegmentName.limitOffset { contents.end = UInt64(littleEndian: value) }
      }
    }
    return contents
  }

  func apply(_ changes: Changes) throws(LogError) {
    guard !changes.isEmpty else { return }
    try environment.write { (transaction) throws(LogError) in
      for name in changes.forgottenConsumers { try transaction.delete(consumers, Array(name.utf8)) }
      for (name, record) in changes.consumers {
        try transaction.putChecked(consumers, Array(name.utf8), record.encoded())
      }
      for (first, totals) in changes.totals {
        try transaction.putChecked(segments, Catalog.key(first), totals.encoded())
      }
      for first in changes.goneSegments { try transaction.delete(segments, Catalog.key(first)) }
      if let copies = changes.positions {
        try transaction.clear(positions)
        for (collector, position) in copies {
          try transaction.putChecked(positions, Array(collector.utf8), position)
        }
      }
      if let received {
        for key in changes.forgottenOrigins { try transaction.delete(received, key.keyBytes) }
        for (key, rows) in ReceivedKey.sorted(changes.received) {
          try transaction.putChecked(received, key.keyBytes, rows.encoded())
        }
      }
      if changes.end > 0 {
        try transaction.putChecked(meta, Catalog.endKey, withUnsafeBytes(of: changes.end.littleEndian) { [UInt8]($0) })
      }
      if let time = changes.time { try transaction.putChecked(meta, Catalog.timeKey, time.encoded()) }
    }
  }

  /// Returns when everything applied so far survives a power cut.
  func flush() throws(LogError) { try environment.flush() }

  func usedBytes() throws(LogError) -> Int { try environment.usedBytes() }

  func clearStaleReaders() { environment.clearStaleReaders() }

  private static func key(_ first: UInt64) -> [UInt8] { withUnsafeBytes(of: first) { [UInt8]($0) } }
}

extension LogTime.Mark {
  ///     1 byte version; log time, since boot, wall (8 bytes each); the boot's name
  func encoded() -> [UInt8] {
    var out = ByteWriter()
    out.byte(1)
    out.fixed(logMilliseconds)
    out.fixed(sinceBoot)
    out.fixed(wall)
    out.string(bootName)
    return out.bytes
  }

  init(decoding array: [UInt8]) throws(FormatError) {
    let bytes = array.span.bytes
    var reader = ByteReader(end: array.count)
    let version = try reader.byte("time", in: bytes)
    guard version == 1 else { throw FormatError(.unknownFormat, "time: version \(version)") }
    logMilliseconds = try reader.fixed(Int64.self, "time", in: bytes)
    sinceBoot = try reader.fixed(Int64.self, "time", in: bytes)
    wall = try reader.fixed(Int64.self, "time", in: bytes)
    bootName = try reader.string("time", in: bytes)
    try reader.finish("time")
  }
}
