import Codec

/// A segment as `clymene wal list` shows it.
public struct SegmentDescription: Sendable, Codable, Equatable {
  public var file: String
  public var firstOffset: UInt64
  /// Behind the last row.
  public var endOffset: UInt64
  /// It takes the appends.
  public var isActive: Bool
  /// The catalog does not know it: rows are guessed from the offsets, the rest is unknown.
  public var isEstimated: Bool
  public var blocks: UInt64
  public var rows: UInt64
  public var entries: UInt64
  public var blockBytes: UInt64
  public var fileBytes: UInt64
  /// Milliseconds since 1970, of the oldest and the newest sample or entry.
  public var oldestTime: Int64?
  public var newestTime: Int64?
  /// By the wall clock of then; nil while active.
  public var sealedWall: Int64?
  public var hasChecksums: Bool
  public var tenants: [TenantStatus]
}

/// A block as `clymene wal show` shows it.
public struct BlockDescription: Sendable, Codable, Equatable {
  public var firstOffset: UInt64
  public var endOffset: UInt64
  public var origin: String
  public var firstSequence: UInt64
  public var lastSequence: UInt64
  public var signal: String
  public var tenant: String
  public var entries: Int
  /// Milliseconds for metrics, nanoseconds for logs.
  public var oldestTime: Int64
  public var newestTime: Int64
  public var bytes: Int
  public var uncompressedBytes: Int
  public var tables: [String]

  init(_ header: BlockHeader, at offset: UInt64) {
    firstOffset = offset
    endOffset = offset + UInt64(header.rowCount)
    origin = header.origin.description
    firstSequence = header.sequences.lowerBound
    lastSequence = header.sequences.upperBound
    signal = header.signal == .logs ? "logs" : "metrics"
    tenant = header.tenant.name
    entries = header.entryCount
    oldestTime = header.times.lowerBound
    newestTime = header.times.upperBound
    bytes = header.blockBytes
    uncompressedBytes = header.payloadBytes
    tables = header.tables.map(\.description)
  }
}

/// What `clymene wal verify` found wrong.
public struct VerifyProblem: Sendable, Codable, Equatable {
  public var file: String
  /// Of the block, when it is about one.
  public var offset: UInt64?
  public var what: String

  public init(file: String, offset: UInt64? = nil, what: String) {
    self.file = file
    self.offset = offset
    self.what = what
  }
}

public struct VerifyReport: Sendable, Codable, Equatable {
  public var segments = 0
  public var blocks: UInt64 = 0
  public var rows: UInt64 = 0
  public var tables: UInt64 = 0
  public var deadLetters: UInt64 = 0
  public var bytes: UInt64 = 0
  public var problems: [VerifyProblem] = []

  public var isSound: Bool { problems.isEmpty }
}

/// The log as another process sees it; as `LogStatus`, without what only the running log knows.
public struct LogStats: Sendable, Codable, Equatable {
  public var directory: String
  /// A process has it open for writing.
  public var isLive: Bool
  public var segments: Int
  public var blocks: UInt64
  public var rows: UInt64
  public var entries: UInt64
  public var blockBytes: UInt64
  public var segmentBytes: UInt64
  public var quarantineBytes: UInt64
  public var deadLetters: UInt64
  public var deadLetterBytes: UInt64
  /// Of the whole directory.
  public var diskBytes: UInt64
  public var firstOffset: UInt64
  public var endOffset: UInt64
  public var oldestTime: Int64?
  public var newestTime: Int64?
  public var tenants: [TenantStatus]
  public var consumers: [ConsumerStatus]
  /// Why the catalog cannot be read, when it cannot; the rest is then from the segments alone.
  public var catalogProblem: String?
}

/// Which blocks to export; a block goes as a whole when anything in it fits.
public struct ExportFilter: Sendable {
  public var offsets: Range<UInt64>
  /// Milliseconds since 1970.
  public var times: ClosedRange<Int64>?
  public var tenant: String?

  public init(offsets: Range<UInt64> = 0..<(1 << 62), times: ClosedRange<Int64>? = nil, tenant: String? = nil) {
    self.offsets = offsets
    self.times = times
    self.tenant = tenant
  }

  func matches(_ header: BlockHeader, at offset: UInt64) -> Bool {
    guard offset < offsets.upperBound, offset + UInt64(header.rowCount) > offsets.lowerBound else { return false }
    if let tenant, header.tenant.name != tenant { return false }
    guard let times else { return true }
    let unit: Int64 = header.signal == .logs ? 1_000_000 : 1
    return header.times.lowerBound / unit <= times.upperBound && header.times.upperBound / unit >= times.lowerBound
  }
}

public struct ExportSummary: Sendable, Codable, Equatable {
  public var envelopes = 0
  public var blocks: UInt64 = 0
  public var rows: UInt64 = 0
  public var bytes: UInt64 = 0
  /// Blocks and segments that could not be read.
  public var problems: [VerifyProblem] = []
}
