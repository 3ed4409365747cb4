import Model

/// What a block says of itself, readable without decompressing. All numbers are little-endian.
///
///     offset  bytes  field
///     0       4      magic "CLMB"
///     4       1      format version, 1
///     5       1      signal: 1 metrics, 2 logs
///     6       1      flags that a reader must know (none in version 1: any bit is an error)
///     7       1      flags that a reader may ignore
///     8       16     origin
///     24      8      first sequence (at least 1)
///     32      8      last sequence, below 2^64 - 1
///     40      4      rows = last - first + 1
///     44      4      samples or entries, histograms among them
///     48      8      smallest timestamp, signed: milliseconds for metrics, nanoseconds for logs
///     56      8      largest timestamp
///     64      4      uncompressed payload length
///     68      4      compressed payload length
///     72      8      XXH3-64 of the compressed payload
///     80      4      key id, 0 while nothing is sealed with a key
///     84      12     nonce, 0 likewise
///     96      2      tables that the groups name
///     98      2      tenant's length
///     100     …      tenant, UTF-8
///     …       16×n   the tables' names
///     …       8      XXH3-64 of all header bytes before it
///
/// The names of the tables stand in the header so that a log, a gateway or a salvage knows which tables a block needs
/// without decompressing it; they are hashes, so compressing them would gain nothing.
public struct BlockHeader: Sendable, Equatable {
  public static let magic: [UInt8] = Array("CLMB".utf8)
  public static let version: UInt8 = 1
  public static let fixedBytes = 100
  /// The largest header that version 1 can have.
  public static let limitBytes =
    fixedBytes + Tenant.limitBytes + FormatLimits.blockTables * TableName.byteCount + 8

  public var signal: Signal
  public var optionalFlags: UInt8
  public var origin: Origin
  /// The numbers of the block's rows, which are consecutive.
  public var sequences: ClosedRange<UInt64>
  /// Samples (metrics, histograms among them) or entries (logs).
  public var entryCount: Int
  /// Milliseconds for metrics, nanoseconds for logs.
  public var times: ClosedRange<Int64>
  public var payloadBytes: Int
  public var compressedBytes: Int
  public var payloadChecksum: UInt64
  /// Which key the payload is sealed with; none when it is zero.
  public var seal: Seal
  public var tenant: Tenant
  public var tables: [TableName]

  public var rowCount: Int { Int(sequences.upperBound - sequences.lowerBound) + 1 }

  /// The header's own length.
  public var byteCount: Int {
    BlockHeader.fixedBytes + tenant.name.utf8.count + tables.count * TableName.byteCount + 8
  }

  /// Header and payload.
  public var blockBytes: Int { byteCount + compressedBytes }

  /// Reads a header from the start of `bytes`, which may go on behind it. Every field is checked, the payload is not.
  public init(reading bytes: RawSpan) throws(FormatError) {
    var reader = ByteReader(end: min(bytes.byteCount, BlockHeader.limitBytes))
    let magic = try reader.take(4, "block header", in: bytes)
    guard bytes.array(magic) == BlockHeader.magic else {
      throw FormatError(.unknownFormat, "block header: no block starts here", at: 0)
    }
    let version = try reader.byte("block header", in: bytes)
    guard version == BlockHeader.version else {
      throw FormatError(.unknownFormat, "block header: version \(version), this program reads 1", at: 4)
    }
    let signalByte = try reader.byte("block header", in: bytes)
    guard let signal = Signal(rawValue: signalByte) else {
      throw FormatError(.inconsistent, "block header: signal \(signalByte)", at: 5)
    }
    let requiredFlags = try reader.byte("block header", in: bytes)
    guard requiredFlags == 0 else {
      throw FormatError(.unknownRequiredSection, "block header: flags \(requiredFlags) are not known", at: 6)
    }
    let optionalFlags = try reader.byte("block header", in: bytes)
    let originLow = try reader.fixed(UInt64.self, "block header", in: bytes)
    let originHigh = try reader.fixed(UInt64.self, "block header", in: bytes)
    let first = try reader.fixed(UInt64.self, "block header", in: bytes)
    let last = try reader.fixed(UInt64.self, "block header", in: bytes)
    let rows = try reader.fixed(UInt32.self, "block header", in: bytes)
    guard first >= 1, last >= first, last < .max, last - first < UInt64(FormatLimits.blockRows) else {
      throw FormatError(
        .inconsistent, "block header: sequences \(first) to \(last), at most \(FormatLimits.blockRows) rows", at: 24)
    }
    guard UInt64(rows) == last - first + 1 else {
      throw FormatError(.inconsistent, "block header: \(rows) rows, but sequences \(first) to \(last)", at: 40)
    }
    let entries = try reader.fixed(UInt32.self, "block header", in: bytes)
    guard entries <= FormatLimits.blockCells else {
      throw FormatError(.tooLarge, "block header: \(entries) entries, at most \(FormatLimits.blockCells)", at: 44)
    }
    let minimum = try reader.fixed(Int64.self, "block header", in: bytes)
    let maximum = try reader.fixed(Int64.self, "block header", in: bytes)
    guard minimum <= maximum else {
      throw FormatError(.inconsistent, "block header: times \(minimum) to \(maximum)", at: 48)
    }
    let payload = try reader.fixed(UInt32.self, "block header", in: bytes)
    let compressed = try reader.fixed(UInt32.self, "block header", in: bytes)
    guard payload <= FormatLimits.blockPayloadBytes, compressed <= FormatLimits.blockPayloadBytes + 65536 else {
      throw FormatError(
        .tooLarge,
        "block header: payload of \(payload) bytes, \(compressed) compressed; at most \(FormatLimits.blockPayloadBytes)",
        at: 64)
    }
    let checksum = try reader.fixed(UInt64.self, "block header", in: bytes)
    let seal = try Seal(reading: &reader, in: bytes)
    let tableCount = Int(try reader.fixed(UInt16.self, "block header", in: bytes))
    guard tableCount <= FormatLimits.blockTables else {
      throw FormatError(.tooLarge, "block header: \(tableCount) tables, at most \(FormatLimits.blockTables)", at: 96)
    }
    let tenantBytes = Int(try reader.fixed(UInt16.self, "block header", in: bytes))
    guard tenantBytes <= Tenant.limitBytes else {
      throw FormatError(.tooLarge, "block header: tenant of \(tenantBytes) bytes, at most 150", at: 98)
    }
    let tenantRange = try reader.take(tenantBytes, "block header: tenant", in: bytes)
    let name = try bytes.utf8String(tenantRange, "block header: tenant", at: 100)
    guard let tenant = Tenant(name) else {
      throw FormatError(.tooLarge, "block header: tenant of \(tenantBytes) bytes, at most 150", at: 98)
    }
    var tables: [TableName] = []
    try reader.need(tableCount * TableName.byteCount, "block header: tables", in: bytes)
    tables.reserveCapacity(tableCount)
    for _ in 0..<tableCount {
      let low = try reader.fixed(UInt64.self, "block header: tables", in: bytes)
      let high = try reader.fixed(UInt64.self, "block header: tables", in: bytes)
      tables.append(TableName(low: low, high: high))
    }
    let covered = reader.offset
    let headerChecksum = try reader.fixed(UInt64.self, "block header: checksum", in: bytes)
    guard headerChecksum == Checksum.xxh3(bytes.extracting(0..<covered)) else {
      throw FormatError(.checksum, "block header: the checksum does not fit", at: covered)
    }
    self.signal = signal
    self.optionalFlags = optionalFlags
    self.origin = Origin(low: originLow, high: originHigh)
    self.sequences = first...last
    self.entryCount = Int(entries)
    self.times = minimum...maximum
    self.payloadBytes = Int(payload)
    self.compressedBytes = Int(compressed)
    self.payloadChecksum = checksum
    self.seal = seal
    self.tenant = tenant
    self.tables = tables
  }

  init(
    signal: Signal, optionalFlags: UInt8 = 0, origin: Origin, sequences: ClosedRange<UInt64>, entryCount: Int,
    times: ClosedRange<Int64>,
    payloadBytes: Int, compressedBytes: Int, payloadChecksum: UInt64, tenant: Tenant, tables: [TableName]
  ) {
    self.signal = signal
    self.optionalFlags = optionalFlags
    self.origin = origin
    self.sequences = sequences
    self.entryCount = entryCount
    self.times = times
    self.payloadBytes = payloadBytes
    self.compressedBytes = compressedBytes
    self.payloadChecksum = payloadChecksum
    self.seal = .none
    self.tenant = tenant
    self.tables = tables
  }

  /// The header's bytes, its checksum included.
  func encoded() -> [UInt8] {
    var out = ByteWriter(reserving: byteCount)
    out.raw(BlockHeader.magic)
    out.byte(BlockHeader.version)
    out.byte(signal.rawValue)
    out.byte(0)
    out.byte(optionalFlags)
    out.fixed(origin.low)
    out.fixed(origin.high)
    out.fixed(sequences.lowerBound)
    out.fixed(sequences.upperBound)
    out.fixed(UInt32(rowCount))
    out.fixed(UInt32(entryCount))
    out.fixed(times.lowerBound)
    out.fixed(times.upperBound)
    out.fixed(UInt32(payloadBytes))
    out.fixed(UInt32(compressedBytes))
    out.fixed(payloadChecksum)
    seal.write(to: &out)
    out.fixed(UInt16(tables.count))
    out.fixed(UInt16(tenant.name.utf8.count))
    out.bytes.append(contentsOf: tenant.name.utf8)
    for table in tables {
      out.fixed(table.low)
      out.fixed(table.high)
    }
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    return out.bytes
  }
}

/// Which key a payload is sealed with. Version 1 seals nothing; a header with a key can be read and passed on, its payload cannot.
public struct Seal: Sendable, Equatable {
  public static let none = Seal(keyID: 0, nonceLow: 0, nonceHigh: 0)

  public let keyID: UInt32
  let nonceLow: UInt64
  let nonceHigh: UInt32

  init(keyID: UInt32, nonceLow: UInt64, nonceHigh: UInt32) {
    self.keyID = keyID
    self.nonceLow = nonceLow
    self.nonceHigh = nonceHigh
  }

  init(reading reader: inout ByteReader, in bytes: RawSpan) throws(FormatError) {
    keyID = try reader.fixed(UInt32.self, "header: key", in: bytes)
    nonceLow = try reader.fixed(UInt64.self, "header: nonce", in: bytes)
    nonceHigh = try reader.fixed(UInt32.self, "header: nonce", in: bytes)
  }

  func write(to out: inout ByteWriter) {
    out.fixed(keyID)
    out.fixed(nonceLow)
    out.fixed(nonceHigh)
  }

  /// Complains when the payload cannot be read by this version.
  func mustBeNone(_ what: String) throws(FormatError) {
    guard self == .none else {
      throw FormatError(.unknownRequiredSection, "\(what): sealed with key \(keyID), which this version cannot open")
    }
  }
}
