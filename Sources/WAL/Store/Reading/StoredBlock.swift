import Codec

/// A block as a cursor hands it out, with everything that is needed to read it.
public struct StoredBlock: Sendable {
  /// The rows' places in this log; what is acknowledged.
  public let offsets: Range<UInt64>
  public let block: SealedBlock
  /// All tables that the block names, in the header's order.
  public let tables: [SeriesTable]

  public init(offsets: Range<UInt64>, block: SealedBlock, tables: [SeriesTable]) {
    self.offsets = offsets
    self.block = block
    self.tables = tables
  }

  public var tabled: TabledBlock { TabledBlock(block: block, tables: tables) }

  var byteCount: Int { block.bytes.count }
}
