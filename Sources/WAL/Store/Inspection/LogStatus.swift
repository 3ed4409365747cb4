/// What the log has done since it was opened; names as in `/metrics`, without the prefix `clymene_wal_`.
public struct LogCounters: Sendable, Codable, Equatable {
  public var blocksAppended: UInt64 = 0
  public var rowsAppended: UInt64 = 0
  public var bytesAppended: UInt64 = 0
  public var tablesStored: UInt64 = 0
  public var commits: UInt64 = 0
  public var commitFailures: UInt64 = 0
  public var rolls: UInt64 = 0
  public var segmentsRemoved: UInt64 = 0
  /// Segments that went although some consumer had not had them, by size or age.
  public var segmentsDropped: UInt64 = 0
  public var rowsDropped: UInt64 = 0
  /// Batches that were answered `full`.
  public var appendsRejected: UInt64 = 0
  /// Rows that could never be stored, left out of batches that nobody waited for.
  public var rowsRefused: UInt64 = 0
  public var rowsAlreadyHeld: UInt64 = 0
  /// Ranges of received rows that were forgotten because an origin had more than 64: a repeat of these is stored again.
  public var rangesForgotten: UInt64 = 0
  /// Origins that were forgotten because there were too many; those that were silent for `dedupe_window` do not count.
  public var originsForgotten: UInt64 = 0
  public var blocksMissingTables: UInt64 = 0
  /// Blocks set aside because their bytes are not what was written.
  public var blocksDamaged: UInt64 = 0
  public var segmentsQuarantined: UInt64 = 0
  public var acknowledgementsPastHoles: UInt64 = 0
  public var catalogFailures: UInt64 = 0
  public var readerSlotsFreed: UInt64 = 0
  public var deadLettersAdded: UInt64 = 0
  /// Dead letters that went to make room for newer ones.
  public var deadLettersDropped: UInt64 = 0
  public var deadLetterRowsDropped: UInt64 = 0
}

/// One consumer, as `clymene wal consumers` shows it.
public struct ConsumerStatus: Sendable, Codable, Equatable {
  public var name: String
  /// Everything below is delivered.
  public var base: UInt64
  /// Rows acknowledged out of order above it.
  public var holes: Int
  public var generation: UInt64
  /// A running forwarder has it.
  public var isHeld: Bool
  /// Keeps delivered data from being removed; false for one that nobody has held for longer than `orphan_hold`.
  public var holdsSegments: Bool
  public var unheldSeconds: Double
  public var lagRows: UInt64
  /// An estimate: whole segments exactly, the one it stands in by rows.
  public var lagBytes: UInt64
  /// Since the newest sample of the oldest segment that it has not had whole; 0 when there is none.
  public var lagSeconds: Double
  public var droppedRows: UInt64
  public var missingRows: UInt64
  /// Rows from `base` up to here may have been sent without an answer; 0 when there are none.
  public var sentBefore: UInt64
}

public struct TenantStatus: Sendable, Codable, Equatable {
  public var tenant: String
  public var signal: String
  public var rows: UInt64
}

/// The log at one moment.
public struct LogStatus: Sendable, Codable, Equatable {
  public var directory: String
  public var segments: Int
  public var blocks: UInt64
  public var rows: UInt64
  public var entries: UInt64
  /// Of the blocks themselves.
  public var blockBytes: UInt64
  /// Of the whole directory.
  public var diskBytes: UInt64
  public var maxSizeBytes: UInt64
  public var isFull: Bool
  public var firstOffset: UInt64
  public var endOffset: UInt64
  /// Of the oldest sample or entry, ms since 1970.
  public var oldestTime: Int64?
  public var newestTime: Int64?
  /// Rows in memory that are not committed yet.
  public var waitingBytes: UInt64
  public var tenants: [TenantStatus]
  public var consumers: [ConsumerStatus]
  /// Files with what destinations refused for good.
  public var deadLetters: UInt64
  public var deadLetterBytes: UInt64
  public var counters: LogCounters
  /// The last error of the writer that it works around, for example why commits fail; empty when all is well.
  public var trouble: String
}
