import Codec
import Model

/// A segment as the log knows it without opening it.
struct SegmentInfo: Sendable {
  var totals: SegmentTotals
  var fileBytes: Int
  /// The catalog did not know it, so that some totals are guessed from its name and length until it is read.
  var isEstimated = false
  var first: UInt64 { totals.first }
}

/// A consumer while the log is open.
struct Consumer: Sendable {
  var record: ConsumerRecord
  var isHeld: Bool { holder != nil }
  /// Whose cursor it is: a number that no other holder has had.
  var holder: UInt64?
  /// The catalog does not have the record yet.
  var isDirty = false
  /// The catalog has a `record.sentBound` of at least this, and no power cut takes it away.
  var durableSentBound: UInt64 = 0
  /// Nothing from here on can have been sent: at the opening the log's end, then what the holders said that they send.
  var sentLimit: UInt64 = 0

  /// Rows from the base up to here may have been sent without an answer; 0: none.
  var sentBefore: UInt64 {
    let bound = min(record.sentBound, sentLimit)
    return bound > record.delivered.base ? bound : 0
  }

  /// No row has been sent without an answer.
  mutating func settleSent() {
    isDirty = isDirty || record.sentBound != 0
    record.sentBound = 0
    durableSentBound = 0
    sentLimit = 0
  }
}

/// Everything that the facade, the cursors and the writer share, behind one lock. Methods change it and say what is to be done
/// after the lock is released.
struct LogState {
  enum Phase { case open, closing, closed }

  /// Someone who waits for room among the waiting rows.
  struct Admission {
    let id: UInt64
    let bytes: Int
    /// True: the room is taken. False: the log is full.
    let continuation: CheckedContinuation<Result<Bool, LogError>, Never>
  }

  var phase = Phase.open
  var commands: [Command] = []
  /// Rows in `commands` and in the writer's hands.
  var waitingBytes = 0
  var admissions: [Admission] = []
  /// When the oldest append that nobody waits for came in (`Monotonic.now`).
  var oldestUnwaited: UInt64?
  /// Someone waits for the writer.
  var isUrgent = false
  var isFull = false
  var trouble = ""

  /// Ascending; the last is the active one.
  var segments: [SegmentInfo]
  var active: Segment?
  var end: UInt64
  var head = HeadWindow()
  var positions: [String: [UInt8]]
  /// Of names and positions.
  var positionBytes = 0
  var consumers: [String: Consumer]
  var dataWaiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
  var nextWaiter: UInt64 = 0
  var counters = LogCounters()
  /// Of the directory, but for segments, their page checksums and dead letters.
  var otherBytes = 0
  var letters = 0
  var letterBytes = 0
  /// Segments whose checksums were verified since the log was opened.
  var verified: Set<UInt64> = []

  var oldest: UInt64 { segments.first?.first ?? end }
  var diskBytes: Int {
    segments.reduce(otherBytes + letterBytes + segments.count * LogState.sumsBytes) { $0 + $1.fileBytes }
  }
  /// Page checksums of a segment of 64 MiB; of smaller ones less.
  private static let sumsBytes = 8 << 10

  /// The segment that holds `offset`, or would.
  func segment(holding offset: UInt64) -> Int? {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].first > offset { high = middle } else { low = middle + 1 }
    }
    return low == 0 ? nil : low - 1
  }

  mutating func setPosition(_ position: [UInt8], of collector: String) {
    let before = positions.updateValue(position, forKey: collector)
    positionBytes += position.count - (before.map(\.count) ?? -collector.utf8.count)
  }

  /// Why these positions would be too many or too large, all in all; nil when they are not. Each segment starts with all of them.
  func excess(adding more: [CollectorPosition], limitBytes: Int) -> String? {
    var count = positions.count
    var bytes = positionBytes
    for position in more {
      let before = positions[position.collector]
      if before == nil { count += 1 }
      bytes += position.position.count - (before.map(\.count) ?? -position.collector.utf8.count)
    }
    if count > positions.count, count > LogConfiguration.limitPositions {
      return "\(count) collectors, at most \(LogConfiguration.limitPositions)"
    }
    if bytes > positionBytes, bytes > limitBytes { return "\(bytes) bytes of all collectors, at most \(limitBytes)" }
    return nil
  }

  // MARK: - Room among the waiting rows

  /// Whether rows may join those that wait now. One batch is taken however large it is when nothing else waits.
  func hasRoom(_ bytes: Int) -> Bool {
    waitingBytes == 0 || waitingBytes + bytes <= LogConfiguration.waitingBytes
  }

  mutating func add(_ command: Command, bytes: Int, isUrgent urgent: Bool) {
    commands.append(command)
    waitingBytes += bytes
    if urgent { isUrgent = true } else if oldestUnwaited == nil { oldestUnwaited = Monotonic.now }
  }

  /// Takes `bytes` from what waits and lets in who fits now, first come, first served.
  mutating func release(_ bytes: Int) -> [Admission] {
    waitingBytes -= bytes
    var admitted: [Admission] = []
    while let first = admissions.first, hasRoom(first.bytes) {
      waitingBytes += first.bytes
      admitted.append(admissions.removeFirst())
    }
    return admitted
  }

  mutating func takeDataWaiters() -> [CheckedContinuation<Void, Never>] {
    defer { dataWaiters = [:] }
    return Array(dataWaiters.values)
  }

  // MARK: - Consumers

  /// Whether a consumer's cursor keeps delivered segments: one that is held, or was until lately.
  func holds(_ consumer: Consumer, orphanHold: Int64) -> Bool {
    consumer.isHeld || consumer.record.unheldMilliseconds <= orphanHold
  }
}
