import Codec
import Model

/// Blocks that a destination refused for good, with its answer: one file, everything that is needed to send them again.
public struct DeadLetter: Sendable {
  public let header: DeadLetterHeader
  public let tables: [SeriesTable]
  public let blocks: [SealedBlock]

  /// No letter is longer; far above what a lane sends at once.
  static let limitBytes = 256 << 20

  /// The blocks as a lane hands them to a forwarder.
  public var tabled: [TabledBlock] {
    let known = Dictionary(tables.map { ($0.name, $0) }) { first, _ in first }
    return blocks.map { block in
      TabledBlock(block: block, tables: block.header.tables.compactMap { known[$0] })
    }
  }

  /// Takes a whole file; every checksum but those within the payloads is verified.
  public init(decoding bytes: [UInt8]) throws(FormatError) {
    header = try DeadLetterHeader(reading: bytes)
    let rest = bytes.count - header.byteCount
    guard header.envelopeBytes == UInt64(rest) else {
      throw FormatError(
        header.envelopeBytes > UInt64(rest) ? .truncated : .inconsistent,
        "dead letter: \(rest) bytes behind the header, \(header.envelopeBytes) expected", at: header.byteCount)
    }
    (tables, blocks) = try Envelope.decode(Array(bytes[header.byteCount...]))
    let rows = blocks.reduce(UInt64(0)) { $0 + UInt64($1.header.rowCount) }
    let entries = blocks.reduce(UInt64(0)) { $0 + UInt64($1.header.entryCount) }
    guard rows == header.rows, entries == header.entries else {
      throw FormatError(
        .inconsistent,
        "dead letter: \(rows) rows and \(entries) entries, the header says \(header.rows) and \(header.entries)")
    }
  }

  /// Header and file of a new letter. Each table goes once.
  static func encode(
    consumer: String, generation: UInt64, blocks: [TabledBlock], reason: String, attempts: UInt32,
    refused: UnixMilliseconds
  ) throws(FormatError) -> (header: DeadLetterHeader, bytes: [UInt8]) {
    var seen: Set<TableName> = []
    var tables: [SeriesTable] = []
    for table in blocks.flatMap(\.tables) where seen.insert(table.name).inserted { tables.append(table) }
    let envelope = try Envelope.encode(tables: tables, blocks: blocks.map(\.block))
    let header = DeadLetterHeader(
      consumer: consumer, generation: generation, refused: refused, attempts: attempts,
      rows: blocks.reduce(0) { $0 + UInt64($1.block.header.rowCount) },
      entries: blocks.reduce(0) { $0 + UInt64($1.block.header.entryCount) }, envelopeBytes: UInt64(envelope.count),
      reason: reason)
    return (header, header.encoded() + envelope)
  }
}
