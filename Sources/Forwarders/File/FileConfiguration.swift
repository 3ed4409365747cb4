/// Where and how lines are written.
public struct FileForwarderConfiguration: Sendable, Equatable {
  /// The directory; made when it is missing. For one forwarder alone.
  public var path: String
  /// A file is finished when it has grown to this many bytes as they lie on the disk.
  public var rotateBytes = 128 << 20
  /// A file is finished this long after it was begun.
  public var rotateAfter = Duration.seconds(3600)
  /// Whether files are compressed, level 3.
  public var zstd = false
  /// How much memory the texts of labels may take that are kept from one delivery to the next.
  public var labelCacheBytes = 32 << 20

  public init(path: String) { self.path = path }
}

/// What the forwarder has done since the start.
public struct FileForwarderCounters: Sendable, Equatable {
  public var lines: UInt64 = 0
  /// As they lie on the disk.
  public var bytes: UInt64 = 0
  public var finishedFiles: UInt64 = 0
  /// Bytes cut off at a start because they were not recorded as delivered.
  public var cutBytes: UInt64 = 0
  /// Files found that did not fit the recorded state, renamed to `….set-aside`.
  public var setAside: UInt64 = 0
}
