/// How a lane waits, batches and splits. The defaults suit a database a few milliseconds or a satellite away.
struct LaneLimits: Sendable, Equatable {
  /// What becomes of rows that a destination refuses.
  enum Refusals: String, Sendable, CaseIterable {
    /// Requests are halved until what is at fault stands alone.
    case split
    /// As remote write's specification says: no request that was answered with a 4xx but 429 is sent again, in whole or in parts.
    case specification
  }

  /// The first pause after a failure; it doubles from there.
  var firstPause = Duration.milliseconds(100)
  /// The longest pause: a destination that is back is noticed within this time.
  var longestPause = Duration.seconds(5)
  /// A destination may ask for a longer pause (Retry-After), up to this.
  var longestAskedPause = Duration.seconds(60)
  /// Pause where only a person can help: wrong credentials, a wrong path.
  var heldPause = Duration.seconds(30)

  /// What is asked of the log at once, in bytes of sealed blocks.
  var readBytes = 512 << 10
  /// Samples or log entries of a batch; a larger block is a batch by itself.
  var batchEntries = 262_144
  /// Raw bytes of a batch of log entries, whose number says little about their size; a larger block is a batch by itself. Half of the 4 MiB that
  /// Loki's parts take from each other in one message, since a push is larger than the block's columns.
  var batchLogBytes = 2 << 20
  /// The same three for a forwarder that wants merged blocks: a backlog of many targets is dense only when a block holds many scrapes of each.
  var mergedReadBytes = 6 << 20
  var mergedBatchEntries = 5 << 19
  var mergedBatchLogBytes = 16 << 20
  /// Up to so many a batch goes as one request; above, as one for each shard.
  var wholeBatchEntries = 32_768
  /// Of log entries, up to so many raw bytes.
  var wholeBatchLogBytes = 512 << 10
  /// Batches that may be under way or wait for their shard: each may leave a hole in the cursor, which takes 32.
  var batches = 32
  /// Bytes of their blocks, so that memory does not grow with a backlog.
  var batchesBytes = 4 << 20

  var refusals = Refusals.split
  /// Requests that may be added to one because parts of it are refused; what is refused then goes to dead letters together.
  var splitRequests = 64

  /// Nil: no limit.
  var maxBytesPerSecond: Int?
  var maxRequestsPerSecond: Double?

  /// How often the lane looks for dead letters to be sent again and for a moved cursor.
  var lookInterval = Duration.seconds(5)
  /// At an orderly stop a lane that gets through goes on for so long until everything is delivered.
  var drainAtStop = Duration.seconds(3)
}
