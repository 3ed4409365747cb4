import Codec

/// The 24 bytes before each block in a segment's `blocks` database, so that a salvage, which has no keys, knows the block's
/// exact offset. Little-endian.
///
///     offset  bytes  field
///     0       4      magic "CLMR"
///     4       4      0
///     8       8      offset of the block's first row
///     16      8      XXH3-64 of the 16 bytes before
///     24      …      the block
public struct RecordHead: Sendable, Equatable {
  public static let magic: [UInt8] = Array("CLMR".utf8)
  public static let byteCount = 24

  /// Of the block's first row.
  public let offset: UInt64

  public init(offset: UInt64) { self.offset = offset }

  /// Reads a head from the start of `bytes`, which may go on behind it.
  public init(reading bytes: RawSpan) throws(FormatError) {
    var reader = ByteReader(end: min(bytes.byteCount, RecordHead.byteCount))
    let magic = try reader.fixed(UInt32.self, "record head", in: bytes)
    let reserved = try reader.fixed(UInt32.self, "record head", in: bytes)
    let offset = try reader.fixed(UInt64.self, "record head", in: bytes)
    let checksum = try reader.fixed(UInt64.self, "record head", in: bytes)
    guard magic == 0x524d_4c43, reserved == 0 else {
      throw FormatError(.unknownFormat, "record head: no record starts here")
    }
    guard checksum == Checksum.xxh3(bytes.extracting(0..<16)) else {
      throw FormatError(.checksum, "record head: the checksum does not fit", at: 16)
    }
    self.offset = offset
  }

  public var encoded: [UInt8] {
    var out = ByteWriter(reserving: RecordHead.byteCount)
    out.raw(RecordHead.magic)
    out.fixed(UInt32(0))
    out.fixed(offset)
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    return out.bytes
  }
}
