import Codec

/// What a lane reads from: a cursor of the log, or a stand-in in tests.
protocol BlockSource: Sendable {
  /// Blocks in order from the first one that is not acknowledged, or from `after` on (an offset: the end of what was read before); at least one
  /// and about `limitBytes` at most. Waits until there is one; throws `CancellationError` when the task is cancelled.
  func next(limitBytes: Int, after: UInt64?) async throws -> [QueuedBlock]

  /// Whether `next` would have to wait.
  func isDrained(after: UInt64?) -> Bool

  /// These offsets are delivered and need not come again; without effect when the cursor was moved since `generation`.
  func acknowledge(_ offsets: Range<UInt64>, generation: UInt64)

  /// Grows when somebody moves the cursor: what was read before is not wanted any more.
  var generation: UInt64 { get }

  /// Rows below this offset may have been sent before the program was started: it may have died before their acknowledgement was noted.
  var sentBefore: UInt64 { get }

  /// Returns when it is durable that rows below this offset may be sent; throws when it cannot be written down.
  func markSent(upTo offset: UInt64) async throws

  /// Nothing is under way any more, and all that was answered is acknowledged.
  func settleSent()
}

/// A block and where it stands in this log.
struct QueuedBlock: Sendable {
  var offsets: Range<UInt64>
  var block: TabledBlock
}
