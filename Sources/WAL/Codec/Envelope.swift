/// The self-contained form: a Kafka message, or an exported file. Tables first, then the blocks that name them, all unchanged.
///
///     offset  bytes  field
///     0       4      magic "CLME"
///     4       1      format version, 1
///     5       3      0
///     8       4      tables
///     12      4      blocks
///     16      8      XXH3-64 of the 16 bytes before
///     24      …      the tables, then the blocks; each says its own length
public enum Envelope {
  public static let magic: [UInt8] = Array("CLME".utf8)
  static let headerBytes = 24

  public static func encode(tables: [SeriesTable], blocks: [SealedBlock]) throws(FormatError) -> [UInt8] {
    guard tables.count <= FormatLimits.envelopeItems, blocks.count <= FormatLimits.envelopeItems else {
      throw FormatError(
        .tooLarge, "envelope: \(tables.count) tables, \(blocks.count) blocks; at most \(FormatLimits.envelopeItems)")
    }
    var out = ByteWriter()
    out.raw(magic)
    out.byte(BlockHeader.version)
    out.raw([0, 0, 0])
    out.fixed(UInt32(tables.count))
    out.fixed(UInt32(blocks.count))
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    for table in tables { out.raw(table.bytes) }
    for block in blocks { out.raw(block.bytes) }
    return out.bytes
  }

  /// Headers and checksums of all parts are verified; every table that a block names has to be there.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> (tables: [SeriesTable], blocks: [SealedBlock]) {
    let span = bytes.span.bytes
    var reader = ByteReader(end: bytes.count)
    let magic = try reader.take(4, "envelope", in: span)
    guard span.array(magic) == Envelope.magic else { throw FormatError(.unknownFormat, "envelope: none starts here") }
    let version = try reader.byte("envelope", in: span)
    guard version == BlockHeader.version else {
      throw FormatError(.unknownFormat, "envelope: version \(version), this program reads 1", at: 4)
    }
    let flags = try reader.take(3, "envelope", in: span)
    guard span.array(flags) == [0, 0, 0] else {
      throw FormatError(.unknownRequiredSection, "envelope: flags that are not known", at: 5)
    }
    let tableCount = try reader.fixed(UInt32.self, "envelope", in: span)
    let blockCount = try reader.fixed(UInt32.self, "envelope", in: span)
    let checksum = try reader.fixed(UInt64.self, "envelope", in: span)
    guard checksum == Checksum.xxh3(span.extracting(0..<16)) else {
      throw FormatError(.checksum, "envelope: the checksum does not fit", at: 16)
    }
    guard tableCount <= FormatLimits.envelopeItems, blockCount <= FormatLimits.envelopeItems else {
      throw FormatError(.tooLarge, "envelope: \(tableCount) tables, \(blockCount) blocks", at: 8)
    }
    var tables: [SeriesTable] = []
    for _ in 0..<tableCount {
      let rest = span.extracting(reader.offset..<bytes.count)
      let header = try SeriesTable.Header(reading: rest)
      let range = try reader.take(header.tableBytes, "envelope: table", in: span)
      tables.append(try SeriesTable(verifying: span.array(range)))
    }
    let names = Set(tables.map(\.name))
    var blocks: [SealedBlock] = []
    for _ in 0..<blockCount {
      let rest = span.extracting(reader.offset..<bytes.count)
      let header = try BlockHeader(reading: rest)
      let at = reader.offset
      let range = try reader.take(header.blockBytes, "envelope: block", in: span)
      let block = try SealedBlock(verifying: span.array(range))
      if let missing = header.tables.first(where: { !names.contains($0) }) {
        throw FormatError(.missingTable, "envelope: table \(missing) is not in it", at: at)
      }
      blocks.append(block)
    }
    try reader.finish("envelope")
    return (tables, blocks)
  }
}
