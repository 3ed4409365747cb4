import Model

/// A table of series (or log streams) as it is stored and sent: immutable, named by its content.
///
///     offset  bytes  field
///     0       4      magic "CLMT"
///     4       1      format version, 1
///     5       1      signal: 1 series, 2 log streams
///     6       1      flags that a reader must know (none in version 1: any bit is an error)
///     7       1      flags that a reader may ignore
///     8       4      series
///     12      4      uncompressed payload length
///     16      4      compressed payload length
///     20      4      key id, 0 while nothing is sealed with a key
///     24      12     nonce, 0 likewise
///     36      4      0
///     40      16     name: the first 128 bits of the SHA-256 of the uncompressed payload
///     56      8      XXH3-64 of the compressed payload
///     64      8      XXH3-64 of the 64 bytes before
///     72      …      payload, one zstd frame
///
/// A reference type, so that every scrape of a target carries a pointer; it holds bytes only, never strings.
public final class SeriesTable: Sendable {
  public static let magic: [UInt8] = Array("CLMT".utf8)
  public static let headerBytes = 72

  public let name: TableName
  public let signal: Signal
  public let seriesCount: Int
  public let payloadBytes: Int
  /// Header and payload.
  public let bytes: [UInt8]

  init(name: TableName, signal: Signal, seriesCount: Int, payloadBytes: Int, bytes: [UInt8]) {
    self.name = name
    self.signal = signal
    self.seriesCount = seriesCount
    self.payloadBytes = payloadBytes
    self.bytes = bytes
  }

  /// Takes bytes from outside. Header and checksums are verified; whether the content has the name that the header gives it is
  /// verified by `decode` and `verifyName`, which whoever receives a table from others calls before anybody relies on it.
  public convenience init(verifying bytes: [UInt8]) throws(FormatError) {
    let header = try Header(reading: bytes.span.bytes)
    guard bytes.count == header.tableBytes else {
      throw FormatError(
        bytes.count < header.tableBytes ? .truncated : .inconsistent,
        "table: \(bytes.count) bytes, the header says \(header.tableBytes)", at: SeriesTable.headerBytes)
    }
    let payload = bytes.span.bytes.extracting(SeriesTable.headerBytes..<bytes.count)
    guard Checksum.xxh3(payload) == header.payloadChecksum else {
      throw FormatError(.checksum, "table: the payload's checksum does not fit", at: SeriesTable.headerBytes)
    }
    self.init(
      name: header.name, signal: header.signal, seriesCount: header.seriesCount, payloadBytes: header.payloadBytes,
      bytes: bytes)
  }

  /// The fixed part, for whoever scans for tables.
  public struct Header: Sendable, Equatable {
    public let name: TableName
    public let signal: Signal
    public let seriesCount: Int
    public let payloadBytes: Int
    public let compressedBytes: Int
    public let payloadChecksum: UInt64
    public let seal: Seal

    public var tableBytes: Int { SeriesTable.headerBytes + compressedBytes }

    /// Reads a header from the start of `bytes`, which may go on behind it. Every field is checked.
    public init(reading bytes: RawSpan) throws(FormatError) {
      var reader = ByteReader(end: min(bytes.byteCount, SeriesTable.headerBytes))
      let magic = try reader.take(4, "table header", in: bytes)
      guard bytes.array(magic) == SeriesTable.magic else {
        throw FormatError(.unknownFormat, "table header: no table starts here", at: 0)
      }
      let version = try reader.byte("table header", in: bytes)
      guard version == BlockHeader.version else {
        throw FormatError(.unknownFormat, "table header: version \(version), this program reads 1", at: 4)
      }
      let signalByte = try reader.byte("table header", in: bytes)
      guard let signal = Signal(rawValue: signalByte) else {
        throw FormatError(.inconsistent, "table header: signal \(signalByte)", at: 5)
      }
      let requiredFlags = try reader.byte("table header", in: bytes)
      _ = try reader.byte("table header: flags that may be ignored", in: bytes)
      let series = try reader.fixed(UInt32.self, "table header", in: bytes)
      let payload = try reader.fixed(UInt32.self, "table header", in: bytes)
      let compressed = try reader.fixed(UInt32.self, "table header", in: bytes)
      let seal = try Seal(reading: &reader, in: bytes)
      let reserved = try reader.fixed(UInt32.self, "table header", in: bytes)
      guard requiredFlags == 0, reserved == 0 else {
        throw FormatError(.unknownRequiredSection, "table header: flags that are not known", at: 6)
      }
      guard series >= 1, series <= FormatLimits.tableSeries else {
        throw FormatError(.tooLarge, "table header: \(series) series, 1 to \(FormatLimits.tableSeries)", at: 8)
      }
      guard payload <= FormatLimits.tablePayloadBytes, compressed <= FormatLimits.tablePayloadBytes + 65536 else {
        throw FormatError(
          .tooLarge,
          "table header: payload of \(payload) bytes, \(compressed) compressed; at most \(FormatLimits.tablePayloadBytes)",
          at: 12)
      }
      let low = try reader.fixed(UInt64.self, "table header", in: bytes)
      let high = try reader.fixed(UInt64.self, "table header", in: bytes)
      let payloadChecksum = try reader.fixed(UInt64.self, "table header", in: bytes)
      let covered = reader.offset
      let checksum = try reader.fixed(UInt64.self, "table header", in: bytes)
      guard checksum == Checksum.xxh3(bytes.extracting(0..<covered)) else {
        throw FormatError(.checksum, "table header: the checksum does not fit", at: covered)
      }
      self.name = TableName(low: low, high: high)
      self.signal = signal
      self.seriesCount = Int(series)
      self.payloadBytes = Int(payload)
      self.compressedBytes = Int(compressed)
      self.payloadChecksum = payloadChecksum
      self.seal = seal
    }
  }
}
