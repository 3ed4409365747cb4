/// The limits of format version 1. A decoder checks a length against them before it allocates or trusts anything.
public enum FormatLimits {
  /// Uncompressed bytes of a block's payload.
  public static let blockPayloadBytes = 8 << 20
  /// What a sealer aims at, compressed, so that a block with its header stays below a Kafka message of 1,000,000 bytes.
  public static let sealedBlockBytes = 900_000
  /// Rows of a block.
  public static let blockRows = 1 << 20
  /// Samples or entries of a block, and cells (present or absent) of all its matrices.
  public static let blockCells = 1 << 22
  /// Groups of a block.
  public static let blockGroups = 1 << 16
  /// Tables that a block may name.
  public static let blockTables = 4096
  /// Tables that a group may name; their series follow each other.
  public static let groupTables = 4
  /// Uncompressed bytes of a table's payload.
  public static let tablePayloadBytes = 16 << 20
  /// All strings of a table, front coding undone.
  public static let tableTextBytes = 64 << 20
  /// Series (or streams) of a table.
  public static let tableSeries = 1 << 16
  /// Labels of one series.
  public static let seriesLabels = 1024
  /// Labels of one table, added up over its series, so that a small payload cannot become a huge table.
  public static let tableLabels = 1 << 21
  /// Labels of structured metadata of one block, added up over its entries; and the names among them.
  public static let entryLabels = 1 << 20
  /// Blocks and tables of one self-contained envelope, each.
  public static let envelopeItems = 4096
  /// Buckets, spans and bounds of one native histogram, each.
  public static let histogramBuckets = 1 << 16
}
