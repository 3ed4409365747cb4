import Codec
import Model

/// Which batches a lane has in hand, which requests they are made of, and which of those may be under way at the same time. A value: it decides,
/// the lane does.
///
/// A batch is one request for all sources, or one for each shard of them. Within a shard, requests keep the order of the log: one may start when no
/// earlier request of its shard is waiting or under way. So a shard that backs off stops no other, until the window is full.
struct LaneSchedule: Sendable {
  struct Request: Sendable {
    let id: Int
    let batch: Int
    /// Nil: all sources.
    let shard: Shard?
    let blocks: [TabledBlock]
    /// Its rows may have been sent in an earlier life.
    let mayBeThere: Bool
    /// The offset behind its last row.
    let end: UInt64
    /// Of the whole batch.
    let entries: Int
  }

  struct Batch: Sendable {
    let id: Int
    /// What is acknowledged: the blocks' offsets, joined where they touch.
    let offsets: [Range<UInt64>]
    let blockCount: Int
    let rows: Int
    let entries: Int
    let bytes: Int
    let oldest: UnixMilliseconds?
    let requests: Int
    /// Of these, how many have not ended.
    fileprivate(set) var open: Int
    /// Rows that ended in dead letters, and rows that were there already.
    var deadRows = 0
    var thereRows = 0
  }

  private let shards: Int
  private let limits: LaneLimits
  private var batches: [Batch] = []
  private var waiting: [Request] = []
  private var running: [Int: Request] = [:]
  private var nextID = 0
  /// The offset behind the last block that was taken; nil before the first.
  private(set) var readUpTo: UInt64?

  init(shards: Int, limits: LaneLimits) {
    self.shards = max(1, shards)
    self.limits = limits
  }

  var isEmpty: Bool { batches.isEmpty }
  /// Some rows of a batch that is not acknowledged were sent: those of a shard that was ahead of the others.
  var isPartlySent: Bool { batches.contains { $0.open < $0.requests } }
  var runningCount: Int { running.count }
  var oldestWaiting: UnixMilliseconds? { batches.first?.oldest }

  /// Whether another batch would help: no request is ready, some shard has nothing to do, and the window has room. While all are busy, what comes
  /// gathers in the log and makes a larger batch.
  var wantsMore: Bool {
    startable == nil && occupied.contains(false) && batches.count < limits.batches
      && batches.reduce(0) { $0 + $1.bytes } < limits.batchesBytes
  }

  /// Takes a batch. `sent` are its blocks as they are to be sent: those of `blocks`, or fewer, merged ones.
  mutating func add(_ blocks: [QueuedBlock], sent: [TabledBlock], mayBeThere: Bool) {
    guard let last = blocks.last else { return }
    let entries = blocks.reduce(0) { $0 + $1.block.block.header.entryCount }
    let logBytes = blocks.reduce(0) { $0 + $1.block.block.header.logBytes }
    let isLarge = entries > limits.wholeBatchEntries || logBytes > limits.wholeBatchLogBytes
    // A small batch is one request, unless it would have to wait for a shard that is behind the others.
    let isDivided = shards > 1 && !mayBeThere && (isLarge || occupied.contains(true))
    let id = takeID()
    for index in 0..<(isDivided ? shards : 1) {
      waiting.append(
        Request(
          id: takeID(), batch: id, shard: isDivided ? Shard(index: index, of: shards) : nil, blocks: sent,
          mayBeThere: mayBeThere, end: last.offsets.upperBound, entries: entries))
    }
    var offsets: [Range<UInt64>] = []
    for block in blocks {
      if let before = offsets.last, before.upperBound == block.offsets.lowerBound {
        offsets[offsets.count - 1] = before.lowerBound..<block.offsets.upperBound
      } else {
        offsets.append(block.offsets)
      }
    }
    batches.append(
      Batch(
        id: id, offsets: offsets, blockCount: blocks.count, rows: blocks.reduce(0) { $0 + $1.offsets.count },
        entries: entries, bytes: sent.reduce(0) { $0 + $1.block.bytes.count },
        oldest: blocks.first?.block.block.header.oldestTime, requests: isDivided ? shards : 1,
        open: isDivided ? shards : 1))
    readUpTo = last.offsets.upperBound
  }

  /// The next request that may start; from now on it is under way.
  mutating func start() -> Request? {
    guard let index = startable else { return nil }
    let request = waiting.remove(at: index)
    running[request.id] = request
    return request
  }

  /// A request has ended, with rows that were refused for good and rows that were there already. Gives back its batch when that is done as a whole.
  mutating func finish(_ request: Int, deadRows: Int, thereRows: Int) -> Batch? {
    guard let ended = running.removeValue(forKey: request),
      let index = batches.firstIndex(where: { $0.id == ended.batch })
    else { return nil }
    batches[index].open -= 1
    batches[index].deadRows += deadRows
    batches[index].thereRows += thereRows
    return batches[index].open == 0 ? batches.remove(at: index) : nil
  }

  /// A request has ended without an end: nothing more is said of its batch.
  mutating func abandon(_ request: Int) { running[request] = nil }

  /// Nothing of what is in hand is wanted any more. What is under way still ends.
  mutating func startOver() {
    batches = []
    waiting = []
    readUpTo = nil
  }

  private var startable: Int? {
    guard running.count < shards else { return nil }
    var busy = [Bool](repeating: false, count: shards)
    for request in running.values { Self.occupy(&busy, request) }
    for (index, request) in waiting.enumerated() {
      if let shard = request.shard {
        if !busy[shard.index] { return index }
      } else if !busy.contains(true) {
        return index
      }
      Self.occupy(&busy, request)
      if !busy.contains(false) { return nil }
    }
    return nil
  }

  /// The shards that have something under way or waiting.
  private var occupied: [Bool] {
    var busy = [Bool](repeating: false, count: shards)
    for request in running.values { Self.occupy(&busy, request) }
    for request in waiting { Self.occupy(&busy, request) }
    return busy
  }

  private static func occupy(_ busy: inout [Bool], _ request: Request) {
    if let shard = request.shard {
      busy[shard.index] = true
    } else {
      for index in busy.indices { busy[index] = true }
    }
  }

  private mutating func takeID() -> Int {
    nextID += 1
    return nextID
  }
}

extension BlockHeader {
  /// Of the oldest sample or entry.
  public var oldestTime: UnixMilliseconds {
    UnixMilliseconds(signal == .logs ? times.lowerBound / 1_000_000 : times.lowerBound)
  }
}
