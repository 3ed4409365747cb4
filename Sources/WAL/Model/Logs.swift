/// One log line as collected.
public struct LogEntry: Hashable, Sendable {
  public var timestamp: UnixNanoseconds
  /// As it was read; usually UTF-8, but any bytes survive.
  public var line: [UInt8]
  /// Loki's structured metadata, in the order in which it came; names may repeat.
  public var structuredMetadata: [Label]

  public init(timestamp: UnixNanoseconds, line: [UInt8], structuredMetadata: [Label] = []) {
    self.timestamp = timestamp
    self.line = line
    self.structuredMetadata = structuredMetadata
  }
}
