import Model

// The protocols by which the rooms meet: a collector hands rows to a sink, a lane hands blocks to a forwarder. They stand
// here and not in Model because they speak of rows and blocks.

/// Where collectors put rows: the log.
public protocol Sink: Sendable {
  /// Returns when the rows and positions are durable, or at once with the reason why they were not taken.
  func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance

  /// Returns when the rows and positions wait in memory, from where they become durable within the commit interval. Waits itself
  /// while too much waits.
  func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance
}

/// What a sink did with a batch.
public enum Acceptance: Sendable, Equatable {
  case accepted
  /// The log is full and its policy is to reject: try again later, or drop and count.
  case full
}

/// A source of rows.
public protocol Collector: Sendable {
  /// Collects until the task is cancelled; returns when everything that it has accepted is with the sink.
  func run(into sink: any Sink) async throws
}

/// A block with the tables that it names, in the header's order.
public struct TabledBlock: Sendable {
  public let block: SealedBlock
  public let tables: [SeriesTable]

  public init(block: SealedBlock, tables: [SeriesTable]) {
    self.block = block
    self.tables = tables
  }
}

/// What a forwarder is asked to deliver in one request: whole blocks of one tenant and signal, in order. A retry is the same blocks again.
public struct Delivery: Sendable {
  public let blocks: [TabledBlock]
  /// Grows when the cursor is reset: the same rows in a new generation are wanted again.
  public let generation: UInt64

  public init(blocks: [TabledBlock], generation: UInt64) {
    self.blocks = blocks
    self.generation = generation
  }
}

/// One destination's protocol and nothing else: it makes a request of blocks and says how the destination answered.
public protocol Forwarder: Sendable {
  /// Returns with the destination's answer to one request. Never sleeps, loops, retries or drops; after `delivered` the
  /// destination has the rows durably, as far as it can say.
  func deliver(_ delivery: Delivery) async -> Outcome

  /// Called once, after the last `deliver`, so that connections and files end in order.
  func close() async
}

extension Forwarder {
  public func close() async {}
}
