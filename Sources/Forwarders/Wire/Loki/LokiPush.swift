import Model

/// A decoded push of log streams, whatever its encoding, as it came: labels not yet judged, entries in their order.
public struct LokiPush: Sendable, Equatable {
  /// Who a stream is, in the form in which the sender says it.
  public enum Identity: Sendable, Equatable {
    /// `{name="value", …}`, for ``LokiLabels``.
    case text([UInt8])
    /// Pairs as they came; names may repeat.
    case pairs([Label])
  }

  public struct Stream: Sendable, Equatable {
    public var identity = Identity.text([])
    public var entries: [LogEntry] = []
    /// Entries left out because nanoseconds in 64 bits do not reach their time (1677 to 2262).
    public var entriesOutOfReach = 0

    public init() {}

    public init(_ identity: Identity, entries: [LogEntry]) {
      self.identity = identity
      self.entries = entries
    }
  }

  public var streams: [Stream] = []

  public init(streams: [Stream] = []) { self.streams = streams }
}

/// What one message may hold; a decoder stops at the first thing too many.
public struct LokiPushLimits: Sendable, Equatable {
  /// Uncompressed.
  public var messageBytes = 64 << 20
  public var streams = 1 << 17
  /// Of all streams.
  public var entries = 1 << 20
  /// Labels of all streams and of all entries' structured metadata.
  public var labels = 1 << 20

  public init() {}
}

/// Counts what a decoder has read against the limits.
struct LokiPushBudget {
  private let limits: LokiPushLimits
  private var streams = 0
  private var entries = 0
  private var labels = 0
  private var things = 0

  init(_ limits: LokiPushLimits, messageBytes: Int) throws(WireError) {
    self.limits = limits
    guard messageBytes <= limits.messageBytes else {
      throw WireError(.tooLarge, "message: \(messageBytes) bytes, at most \(limits.messageBytes)")
    }
  }

  mutating func countStream(at: Int) throws(WireError) {
    try countThing(at: at)
    streams += 1
    guard streams <= limits.streams else {
      throw WireError(.tooLarge, "message: more than \(limits.streams) streams", at: at)
    }
  }

  mutating func countEntry(at: Int) throws(WireError) {
    try countThing(at: at)
    entries += 1
    guard entries <= limits.entries else {
      throw WireError(.tooLarge, "message: more than \(limits.entries) entries", at: at)
    }
  }

  mutating func countLabel(at: Int) throws(WireError) {
    try countThing(at: at)
    labels += 1
    guard labels <= limits.labels else {
      throw WireError(.tooLarge, "message: more than \(limits.labels) labels", at: at)
    }
  }

  /// No label of JSON has less than six bytes, but an empty entry of protobuf two, and thirty times as much in memory.
  private mutating func countThing(at: Int) throws(WireError) {
    things += 1
    guard things <= WireDensity.limit(at: at, bytesEach: 6) else {
      throw WireError(
        .tooLarge, "message: \(things) streams, entries and labels in \(at) bytes, which is too many", at: at)
    }
  }
}
