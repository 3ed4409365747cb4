import Model

/// How a log keeps its data; validated, with the defaults of the configuration's reference.
public struct LogConfiguration: Sendable {
  public enum WhenFull: String, Sendable, Codable, CaseIterable {
    /// The oldest segment goes, and each consumer that had not had it is told how many rows it lost.
    case dropOldest = "drop-oldest"
    /// New rows are refused until there is room.
    case reject
  }

  /// Made when it is not there.
  public var directory: String
  /// What the whole directory may take on the disk.
  public var maxSizeBytes: Int
  /// Sealed segments older than this are dropped; nil keeps them.
  public var maxAge: Duration?
  public var whenFull: WhenFull
  /// How long rows that nobody waits for may stay in memory.
  public var commitInterval: Duration
  /// At what size a segment is sealed.
  public var segmentBytes: Int
  /// How long, after sealing, a segment is kept that every consumer has had.
  public var keepDelivered: Duration
  /// How long the cursor of a consumer that is gone keeps data from being removed.
  public var orphanHold: Duration
  /// After how long without a row from an origin its received ranges are forgotten.
  public var dedupeWindow: Duration
  public var clock: LogClock
  /// Whether disk space is set aside for a full disk; not for a visit from the command line.
  var keepsReserve = true
  /// zstd's level for blocks.
  public var compressionLevel: Int32 = 3

  /// Rows that wait for the writer, in bytes of memory; past that appends wait.
  public static let waitingBytes = 16 << 20
  /// Collectors whose position a log keeps.
  public static let limitPositions = 100_000
  /// Names and positions of all of them: a segment starts with a copy.
  var limitPositionBytes: Int { max(1 << 20, min(16 << 20, segmentBytes / 4)) }
  public static let leastMaxSizeBytes = 1 << 20
  public static let leastSegmentBytes = 64 << 10

  public init(
    directory: String, maxSizeBytes: Int = 10 << 30, maxAge: Duration? = .seconds(30 * 86400),
    whenFull: WhenFull = .dropOldest, commitInterval: Duration = .seconds(1), segmentBytes: Int? = nil,
    keepDelivered: Duration = .zero, orphanHold: Duration = .seconds(86400),
    dedupeWindow: Duration = .seconds(35 * 86400), clock: LogClock = .system
  ) {
    self.directory = directory.count > 1 && directory.hasSuffix("/") ? String(directory.dropLast()) : directory
    self.maxSizeBytes = maxSizeBytes
    self.maxAge = maxAge
    self.whenFull = whenFull
    self.commitInterval = commitInterval
    self.segmentBytes = segmentBytes ?? max(LogConfiguration.leastSegmentBytes, min(64 << 20, maxSizeBytes / 16))
    self.keepDelivered = keepDelivered
    self.orphanHold = orphanHold
    self.dedupeWindow = dedupeWindow
    self.clock = clock
  }

  /// Refuses what cannot work, naming the setting.
  func validate() throws(LogError) {
    func need(_ holds: Bool, _ what: String) throws(LogError) {
      guard holds else { throw LogError(.misuse, what) }
    }
    try need(!directory.isEmpty, "wal.directory: is empty")
    try need(
      maxSizeBytes >= LogConfiguration.leastMaxSizeBytes,
      "wal.max_size: \(maxSizeBytes) bytes, at least \(LogConfiguration.leastMaxSizeBytes)")
    try need(
      (LogConfiguration.leastSegmentBytes...(16 << 30)).contains(segmentBytes),
      "wal.segment_size: \(segmentBytes) bytes, at least \(LogConfiguration.leastSegmentBytes), at most 16 GiB")
    try need(
      segmentBytes <= maxSizeBytes / 4, "wal.segment_size: \(segmentBytes) bytes, at most a quarter of max_size")
    try need(commitInterval > .zero, "wal.commit_interval: \(commitInterval), has to be above 0")
    try need(maxAge.map { $0 > .zero } ?? true, "wal.max_age: has to be above 0")
    try need(
      keepDelivered >= .zero && orphanHold >= .zero && dedupeWindow >= .zero,
      "wal.keep_delivered, orphan_hold, dedupe_window: must not be negative")
  }

  var segmentsDirectory: String { directory + "/segments" }
  var quarantineDirectory: String { directory + "/quarantine" }
  var deadLettersDirectory: String { directory + "/dead-letters" }
  /// What dead letters may take of `maxSizeBytes`.
  var deadLettersLimitBytes: Int { maxSizeBytes / 20 }
  var requestsDirectory: String { directory + "/requests" }
  var catalogPath: String { directory + "/catalog.lmdb" }
  var cleanStopPath: String { directory + "/clean-stop" }
  /// Enough for a new segment's first transaction and the catalog.
  var reserve: ReserveFile {
    ReserveFile(path: directory + "/reserve", byteCount: min(2 << 20, max(128 << 10, maxSizeBytes / 64)))
  }
}

extension Duration {
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? (seconds < 0 ? .min : .max) : whole + attoseconds / 1_000_000_000_000_000
  }
}
