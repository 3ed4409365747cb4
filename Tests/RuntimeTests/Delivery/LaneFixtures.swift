import Codec
import Model
import Synchronization

@testable import Runtime

/// A queue in memory with a cursor's manners.
final class MemorySource: BlockSource {
  struct State {
    var blocks: [QueuedBlock]
    var acknowledged: [Range<UInt64>] = []
    var generation: UInt64 = 0
    var readErrors = 0
  }
  let state: Mutex<State>

  init(_ blocks: [QueuedBlock], readErrors: Int = 0) {
    state = Mutex(State(blocks: blocks, readErrors: readErrors))
  }

  struct ReadError: Error {}

  func next(limitBytes: Int) async throws -> [QueuedBlock] {
    while true {
      try Task.checkCancellation()
      let found = try state.withLock { state throws -> [QueuedBlock] in
        if state.readErrors > 0 {
          state.readErrors -= 1
          throw ReadError()
        }
        return state.blocks.filter { block in !state.acknowledged.contains { $0.overlaps(block.offsets) } }
      }
      if !found.isEmpty { return found }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  func acknowledge(_ offsets: Range<UInt64>, generation: UInt64) {
    state.withLock { if $0.generation == generation { $0.acknowledged.append(offsets) } }
  }

  var generation: UInt64 { state.withLock { $0.generation } }

  /// As `consumers reset --to oldest`.
  func reset() {
    state.withLock {
      $0.generation += 1
      $0.acknowledged = []
    }
  }

  var acknowledged: [Range<UInt64>] { state.withLock { $0.acknowledged } }
}

/// Answers as it is told, then with `delivered`; remembers what it got.
final class ScriptedForwarder: Forwarder {
  struct State {
    var outcomes: [Outcome]
    var deliveries: [Delivery] = []
    var isClosed = false
  }
  let state: Mutex<State>
  private let during: @Sendable (Int) -> Void

  /// `during` runs inside each request, with the number of requests before it.
  init(_ outcomes: [Outcome] = [], during: @escaping @Sendable (Int) -> Void = { _ in }) {
    state = Mutex(State(outcomes: outcomes))
    self.during = during
  }

  func deliver(_ delivery: Delivery) async -> Answer {
    let (outcome, before) = state.withLock { state in
      state.deliveries.append(delivery)
      return (state.outcomes.isEmpty ? Outcome.delivered : state.outcomes.removeFirst(), state.deliveries.count - 1)
    }
    during(before)
    return Answer(outcome)
  }

  func close() async { state.withLock { $0.isClosed = true } }

  var deliveries: [Delivery] { state.withLock { $0.deliveries } }
}

/// `rows` scrapes of one target in a block, at these offsets.
func queued(_ offset: UInt64, rows: Int = 2, tenant: Tenant = .default) throws -> QueuedBlock {
  let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "up"), Label("job", "test")]))])
  let batch = RowBatch(
    tenant: tenant,
    metrics: (0..<rows).map {
      .scrape(ScrapeRow(source: 7, tables: [table], timestamp: .init(Int64(offset) * 1000 + Int64($0)), values: [1]))
    })
  var sealer = try BlockSealer()
  let sealed = try sealer.seal(batch, origin: Origin(low: 1, high: 2), firstSequence: offset + 1)
  return QueuedBlock(offsets: offset..<offset + UInt64(rows), block: sealed[0])
}

/// Waits until something holds, at most ten seconds.
func eventually(_ holds: @Sendable () -> Bool) async -> Bool {
  for _ in 0..<10_000 {
    if holds() { return true }
    try? await Task.sleep(for: .milliseconds(1))
  }
  return holds()
}
