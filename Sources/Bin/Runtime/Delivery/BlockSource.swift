import Codec

/// What a lane reads from: a cursor of the log, or a stand-in in tests.
protocol BlockSource: Sendable {
  /// Blocks in order from the first one that is not acknowledged, at least one and about `limitBytes` at most. Waits until
  /// there is one; throws `CancellationError` when the task is cancelled.
  func next(limitBytes: Int) async throws -> [QueuedBlock]

  /// These offsets are delivered and need not come again; without effect when the cursor was moved since `generation`.
  func acknowledge(_ offsets: Range<UInt64>, generation: UInt64)

  /// Grows when somebody moves the cursor: what was read before is not wanted any more.
  var generation: UInt64 { get }
}

/// A block and where it stands in this log.
struct QueuedBlock: Sendable {
  var offsets: Range<UInt64>
  var block: TabledBlock
}
