import Codec
import Glibc
import Model

/// One pass over a damaged file, window by window, that collects what is whole.
struct SalvageScan {
  typealias Found = Salvage.FoundBlock

  let offsets: Range<UInt64>
  var report = SalvageReport()
  /// Blocks behind a whole record head, and whole blocks without one, in the order of the file.
  var records: [Found] = []
  var strays: [Found] = []
  var tables: [TableName: (position: UInt64, byteCount: Int)] = [:]
  var tableOrder: [TableName] = []
  /// Offsets of records whose block is not whole.
  var damaged: Set<UInt64> = []

  /// Where magic numbers are looked for at once, and how far behind it the largest header reaches.
  private static let windowBytes = 1 << 20
  private static let aheadBytes = 128 << 10
  private static let pageBytes: UInt64 = 4096
  /// A value longer than this has pages of its own (LMDB's `me_nodemax` is 2,038 with its node header and key).
  private static let inlineLimitBytes = 2048

  /// Payload bytes of damaged blocks that may still be hashed: crafted heads must not make the scan quadratic.
  private var patience: UInt64 = 256 << 20

  init(offsets: Range<UInt64>) { self.offsets = offsets }

  mutating func run(over file: borrowing RescueFile) throws(IntegrityError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: SalvageScan.windowBytes + SalvageScan.aheadBytes, alignment: 64)
    defer { buffer.deallocate() }
    var start: UInt64 = 0
    while start < file.length {
      switch try file.read(into: buffer, at: start) {
      case .end:
        // Cut short since it was opened.
        return
      case .unreadable:
        let next = (start / SalvageScan.pageBytes + 1) * SalvageScan.pageBytes
        report.unreadableBytes += next - start
        start = next
      case .bytes(let count):
        let window = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        let last = start + UInt64(count) >= file.length || count < buffer.count
        let limit = last ? count : SalvageScan.windowBytes
        start = try scan(window, from: start, limit: limit, file: file)
      }
    }
  }

  /// Looks at every magic number that starts before `limit`; gives back where the next window starts.
  private mutating func scan(
    _ window: UnsafeRawBufferPointer, from start: UInt64, limit: Int, file: borrowing RescueFile
  ) throws(IntegrityError) -> UInt64 {
    var at = 0
    while at < limit, let candidate = SalvageScan.nextMagic(in: window, from: at), candidate < limit {
      let position = start + UInt64(candidate)
      let rest = UnsafeRawBufferPointer(rebasing: window[candidate...])
      let end = try look(at: rest, position: position, file: file)
      if end >= start + UInt64(limit) { return end }
      at = Int(end - start)
    }
    return start + UInt64(limit)
  }

  /// The next "CLM" with a byte behind it.
  private static func nextMagic(in window: UnsafeRawBufferPointer, from: Int) -> Int? {
    guard let base = window.baseAddress else { return nil }
    var at = from
    // The byte behind the prefix has to be there too.
    while at + 3 < window.count, let hit = memchr(base + at, 0x43, window.count - at - 3) {
      let place = UnsafeRawPointer(hit) - base
      if window[place + 1] == 0x4c, window[place + 2] == 0x4d { return place }
      at = place + 1
    }
    return nil
  }

  /// Takes what starts here, if anything does. Gives back where to look on.
  private mutating func look(
    at rest: UnsafeRawBufferPointer, position: UInt64, file: borrowing RescueFile
  ) throws(IntegrityError) -> UInt64 {
    switch rest[3] {
    case UInt8(ascii: "R"):
      guard let head = try? RecordHead(reading: rest.bytes) else { return position + 4 }
      let behind = UnsafeRawBufferPointer(rebasing: rest[RecordHead.byteCount...])
      return try block(at: behind, position: position + UInt64(RecordHead.byteCount), head: head, file: file)
    case UInt8(ascii: "B"):
      return try block(at: rest, position: position, head: nil, file: file)
    case UInt8(ascii: "T"):
      return try table(at: rest, position: position, file: file)
    default:
      return position + 1
    }
  }

  private mutating func block(
    at rest: UnsafeRawBufferPointer, position: UInt64, head: RecordHead?, file: borrowing RescueFile
  ) throws(IntegrityError) -> UInt64 {
    guard let header = try? BlockHeader(reading: rest.bytes) else {
      if let head, offsets.contains(head.offset) { damaged.insert(head.offset) }
      // A record head alone; what looks like a header may still hold something.
      return position + (head == nil ? 4 : 0)
    }
    let payload = header.byteCount..<header.blockBytes
    guard try matches(payload, checksum: header.payloadChecksum, rest: rest, position: position, file: file) else {
      guard let head else { return position + 4 }
      if offsets.contains(head.offset) { damaged.insert(head.offset) }
      // Pages of its own are nobody else's, so nothing that stands inside may pass for a record of this log: it could be
      // text that somebody had logged.
      let ownPages = (position - UInt64(RecordHead.byteCount)) % SalvageScan.pageBytes == 16
      let whole = header.blockBytes > SalvageScan.inlineLimitBytes
      return ownPages && whole ? position + UInt64(header.blockBytes) : position + 4
    }
    var found = Found(
      offsets: nil, origin: header.origin, tenant: header.tenant, sequences: header.sequences, position: position,
      byteCount: header.blockBytes)
    if let head {
      let (end, overflow) = head.offset.addingReportingOverflow(UInt64(header.rowCount))
      if overflow || head.offset < offsets.lowerBound || end > offsets.upperBound {
        report.foreign += 1
      } else {
        found.offsets = head.offset..<end
        records.append(found)
      }
    } else {
      strays.append(found)
    }
    return position + UInt64(header.blockBytes)
  }

  private mutating func table(
    at rest: UnsafeRawBufferPointer, position: UInt64, file: borrowing RescueFile
  ) throws(IntegrityError) -> UInt64 {
    guard let header = try? SeriesTable.Header(reading: rest.bytes) else { return position + 4 }
    let payload = SeriesTable.headerBytes..<header.tableBytes
    guard try matches(payload, checksum: header.payloadChecksum, rest: rest, position: position, file: file) else {
      return position + 4
    }
    if tables[header.name] == nil {
      tables[header.name] = (position, header.tableBytes)
      tableOrder.append(header.name)
    }
    return position + UInt64(header.tableBytes)
  }

  private mutating func matches(
    _ payload: Range<Int>, checksum: UInt64, rest: UnsafeRawBufferPointer, position: UInt64,
    file: borrowing RescueFile
  ) throws(IntegrityError) -> Bool {
    guard patience >= UInt64(payload.count) else {
      report.gaveUp = true
      return false
    }
    let sum: UInt64?
    if payload.upperBound <= rest.count {
      sum = Checksum.xxh3(UnsafeRawBufferPointer(rebasing: rest[payload]))
    } else {
      let bytes = try file.bytes(at: position + UInt64(payload.lowerBound), count: payload.count)
      sum = bytes.map { Checksum.xxh3($0.span.bytes) }
    }
    if sum == checksum { return true }
    patience -= UInt64(payload.count)
    return false
  }
}
