import Model

// The protocols by which the rooms meet: a collector hands rows to a sink, a lane hands blocks to a forwarder. They stand
// here and not in Model because they speak of rows and blocks.

/// Where collectors put rows, and blocks that other logs have numbered: the log.
public protocol Sink: Sendable {
  /// Returns when the rows and positions are durable, or at once with the reason why they were not taken.
  func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance

  /// Returns when the rows and positions wait in memory, from where they become durable within the commit interval. Waits itself
  /// while too much waits.
  func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance

  /// Returns, when everything is durable, what became of each block. Rows that the log holds or has held are not stored again. `tables`: those that
  /// came along; the log may have others. Positions are stored only when all blocks are held. Throws when the disk refuses: trying again may help.
  func append(
    received blocks: [SealedBlock], tables: [SeriesTable], positions: [CollectorPosition]
  ) async throws -> [ReceivedOutcome]
}

/// What a sink did with a batch.
public enum Acceptance: Sendable, Equatable {
  case accepted
  /// The log is full and its policy is to reject: try again later, or drop and count.
  case full
  /// Something in it can never be stored: nothing of the batch was.
  case refused(reason: String)
}

/// What became of a block that another Clymene log had numbered.
public enum ReceivedOutcome: Sendable, Equatable {
  case stored(offsets: Range<UInt64>)
  /// All its rows were here already.
  case alreadyHeld
  /// Some of its rows were here already; the others are stored now, that many.
  case partlyHeld(rowsStored: Int)
  /// Send it again together with these.
  case missingTables([TableName])
  /// No room. Later.
  case full
  /// It cannot be stored, ever.
  case refused(String)
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
  /// Only the rows of these sources are wanted; nil: all. Never set for a forwarder whose `shards` is 1.
  public let shard: Shard?
  /// Rows may come in parts, each with some of the row's series under the same sequence: of dead letters. Whoever drops rows that it knows must not
  /// take one part for the row.
  public let mayHoldPartsOfRows: Bool

  public init(blocks: [TabledBlock], generation: UInt64, shard: Shard? = nil, mayHoldPartsOfRows: Bool = false) {
    self.blocks = blocks
    self.generation = generation
    self.shard = shard
    self.mayHoldPartsOfRows = mayHoldPartsOfRows
  }
}

/// One of several equal parts of all sources. Requests of different shards may be under way at the same time; within one, rows keep their order.
public struct Shard: Hashable, Sendable {
  public let index: Int
  public let count: Int

  public init(index: Int, of count: Int) {
    self.index = index
    self.count = max(1, count)
  }

  public func holds(source: UInt64) -> Bool {
    // Sources are hashes, but only those of targets: a gateway's may be chosen by a sender.
    Int(((source ^ (source >> 32)) &* 0x9e37_79b9_7f4a_7c15) >> 33) % count == index
  }
}

/// What came of one request.
public struct Answer: Sendable, Equatable {
  public var outcome: Outcome
  /// Bytes of the request as they went to the destination, whatever it said; for limits on the uplink.
  public var sentBytes: Int
  /// With an outcome of `retry`: the destination may have taken the rows all the same, as when the answer was lost. False when they cannot have
  /// arrived (no connection) or the destination said that it did not take them (429).
  public var mayHaveArrived: Bool
  /// With an outcome of `refused`, from a destination that judges each block: those that it refused, by their index in the delivery. It has all the
  /// others. Nil: it took nothing.
  public var refusedBlocks: [Int]?
  /// The HTTP status that the destination answered with; nil where there was none.
  public var status: Int?
  /// False when there was nothing to send: it says nothing about the destination.
  public var isFromDestination = true

  public init(_ outcome: Outcome, sentBytes: Int = 0, mayHaveArrived: Bool = false, status: Int? = nil) {
    self.outcome = outcome
    self.sentBytes = sentBytes
    self.mayHaveArrived = mayHaveArrived
    self.status = status
  }

  /// The delivery had no rows for its shard.
  public static var nothingToSend: Answer {
    var answer = Answer(.delivered)
    answer.isFromDestination = false
    return answer
  }
}

/// One destination's protocol and nothing else: it makes a request of blocks and says how the destination answered.
public protocol Forwarder: Sendable {
  /// Returns with the destination's answer to one request. Never sleeps, loops, retries or drops; after `delivered` the
  /// destination has the rows durably, as far as it can say. May be called for several shards at the same time, and for dead
  /// letters that are sent once more beside them.
  func deliver(_ delivery: Delivery) async -> Answer

  /// Into how many shards the sources may be divided, which is how many requests may be under way at once.
  var shards: Int { get }

  /// Whether blocks should come merged when the lane is behind: for those that pass blocks on as bytes. Who reads columns puts the samples of a series
  /// together itself.
  var wantsMergedBlocks: Bool { get }

  /// Whether a single row that is refused may be cut by its series. Not for those who know rows by their number: for them a part would be the row.
  var takesPartsOfRows: Bool { get }

  /// Called once, after the last `deliver`, so that connections and files end in order.
  func close() async
}

extension Forwarder {
  public var shards: Int { 1 }
  public var wantsMergedBlocks: Bool { false }
  public var takesPartsOfRows: Bool { true }
  public func close() async {}
}
