import Codec
import Logging
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
    var marked: UInt64 = 0
    var sentBefore: UInt64 = 0
    var isSettled = false
  }
  let state: Mutex<State>

  init(_ blocks: [QueuedBlock], readErrors: Int = 0, sentBefore: UInt64 = 0) {
    state = Mutex(State(blocks: blocks, readErrors: readErrors, sentBefore: sentBefore))
  }

  struct ReadError: Error {}

  func next(limitBytes: Int, after: UInt64?) async throws -> [QueuedBlock] {
    while true {
      try Task.checkCancellation()
      let found = try state.withLock { state throws -> [QueuedBlock] in
        if state.readErrors > 0 {
          state.readErrors -= 1
          throw ReadError()
        }
        return state.open(after: after)
      }
      if !found.isEmpty { return found }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  func isDrained(after: UInt64?) -> Bool { state.withLock { $0.open(after: after).isEmpty } }

  func acknowledge(_ offsets: Range<UInt64>, generation: UInt64) {
    state.withLock { if $0.generation == generation { $0.acknowledged.append(offsets) } }
  }

  var generation: UInt64 { state.withLock { $0.generation } }
  /// 0 once all of them are acknowledged.
  var sentBefore: UInt64 {
    state.withLock { state in
      (state.open(after: nil).first?.offsets.lowerBound ?? .max) < state.sentBefore ? state.sentBefore : 0
    }
  }

  func markSent(upTo offset: UInt64) async throws { state.withLock { $0.marked = max($0.marked, offset) } }

  func settleSent() { state.withLock { $0.isSettled = true } }

  /// As `consumers reset --to oldest`.
  func reset() {
    state.withLock {
      $0.generation += 1
      $0.acknowledged = []
    }
  }

  func add(_ blocks: [QueuedBlock]) { state.withLock { $0.blocks += blocks } }

  var acknowledged: [Range<UInt64>] { state.withLock { $0.acknowledged } }
}

extension MemorySource.State {
  fileprivate func open(after: UInt64?) -> [QueuedBlock] {
    blocks.filter { block in
      block.offsets.lowerBound >= after ?? 0 && !acknowledged.contains { $0.overlaps(block.offsets) }
    }
  }
}

/// Answers as it is told, then with `delivered`; remembers what it got.
final class ScriptedForwarder: Forwarder {
  struct State {
    var answers: [Answer]
    var deliveries: [Delivery] = []
    var isClosed = false
  }
  let state: Mutex<State>
  let shards: Int
  let wantsMergedBlocks: Bool
  let takesPartsOfRows: Bool
  private let during: @Sendable (Int) async -> Void
  private let judge: @Sendable (Delivery) -> Answer?

  /// `during` runs inside each request, with the number of requests before it. `judge` has the first word.
  init(
    _ outcomes: [Outcome] = [], shards: Int = 1, merged: Bool = false, partsOfRows: Bool = true,
    judge: @escaping @Sendable (Delivery) -> Answer? = { _ in nil },
    during: @escaping @Sendable (Int) async -> Void = { _ in }
  ) {
    state = Mutex(State(answers: outcomes.map { Answer($0, status: $0.usualStatus) }))
    self.shards = shards
    wantsMergedBlocks = merged
    takesPartsOfRows = partsOfRows
    self.judge = judge
    self.during = during
  }

  func deliver(_ delivery: Delivery) async -> Answer {
    let (answer, before) = state.withLock { state in
      state.deliveries.append(delivery)
      let next = state.answers.isEmpty ? Answer(.delivered) : state.answers.removeFirst()
      return (next, state.deliveries.count - 1)
    }
    await during(before)
    return judge(delivery) ?? answer
  }

  func close() async { state.withLock { $0.isClosed = true } }

  var deliveries: [Delivery] { state.withLock { $0.deliveries } }
}

extension Outcome {
  fileprivate var usualStatus: Int? {
    switch self {
    case .delivered, .alreadyThere: 200
    case .retry: nil
    case .tooLarge: 413
    case .misconfigured: 401
    case .refused, .conflict: 400
    }
  }
}

/// Dead letters in memory.
final class MemoryBox: DeadLetterBox {
  struct State {
    var letters: [UInt64: RefusedRows] = [:]
    var marked: Set<UInt64> = []
    var next: UInt64 = 1
    var failures = 0
    var mostBlocks = Int.max
    var mostEntries = Int.max
  }
  let state = Mutex(State())

  struct FullError: Error {}

  func add(_ letter: RefusedRows) async throws -> DroppedLetters {
    try state.withLock { state in
      if letter.blocks.count > state.mostBlocks || letter.entries > state.mostEntries {
        throw LetterTooLarge(reason: "too large")
      }
      if state.failures > 0 {
        state.failures -= 1
        throw FullError()
      }
      state.letters[state.next] = letter
      state.next += 1
      return DroppedLetters()
    }
  }

  func redriven() async throws -> [RedrivenLetter] {
    state.withLock { state in
      state.marked.sorted().compactMap { number in
        state.letters[number].map { RedrivenLetter(number: number, blocks: $0.blocks) }
      }
    }
  }

  func remove(_ number: UInt64) async throws {
    state.withLock { state in
      state.letters[number] = nil
      state.marked.remove(number)
    }
  }

  func putBack(_ number: UInt64, reason: String) async throws {
    state.withLock { state in
      state.letters[number]?.reason = reason
      state.marked.remove(number)
    }
  }

  var letters: [RefusedRows] { state.withLock { state in state.letters.sorted { $0.key < $1.key }.map(\.value) } }
}

/// `rows` scrapes in a block, at these offsets, one row of each source in turn; each of `series` series.
func queued(
  _ offset: UInt64, rows: Int = 2, sources: [UInt64] = [7], series: Int = 1, tenant: Tenant = .default
) throws -> QueuedBlock {
  let names = (0..<series).map { Series(Labels([Label("__name__", "up"), Label("number", "\($0)")])) }
  let table = try SeriesTable(encoding: names)
  let batch = RowBatch(
    tenant: tenant,
    metrics: (0..<rows).map { row in
      .scrape(
        ScrapeRow(
          source: sources[row % sources.count], tables: [table], timestamp: .init(Int64(offset) * 1000 + Int64(row)),
          values: (0..<series).map { Double($0) }))
    })
  var sealer = try BlockSealer()
  let sealed = try sealer.seal(batch, origin: Origin(low: 1, high: 2), firstSequence: offset + 1)
  return QueuedBlock(offsets: offset..<offset + UInt64(rows), block: sealed[0])
}

/// A block of one log entry with a line of so many bytes, and where it stands.
func queuedLine(_ offset: UInt64, bytes: Int) throws -> QueuedBlock {
  let table = try SeriesTable(encoding: [Series(Labels([Label("job", "shop")]))], signal: .logs)
  let line = LogEntry(timestamp: UnixNanoseconds(Int64(offset)), line: Array(repeating: 0x78, count: bytes))
  let rows = LogRows(source: 7, tables: [table], entries: [.init(stream: 0, entry: line)])
  var sealer = try BlockSealer()
  let sealed = try sealer.seal(RowBatch(logs: [rows]), origin: Origin(low: 1, high: 2), firstSequence: offset + 1)
  return QueuedBlock(offsets: offset..<offset + 1, block: sealed[0])
}

/// The rows that a delivery asks for, by sequence, each with the numbers of its series.
func rows(of delivery: Delivery) throws -> [(sequence: UInt64, source: UInt64, series: [Int])] {
  let opener = try BlockOpener()
  return try delivery.blocks.flatMap { tabled in
    try opener.open(tabled.block).groups.flatMap { group -> [(sequence: UInt64, source: UInt64, series: [Int])] in
      guard case .matrix(let matrix) = group, delivery.shard?.holds(source: matrix.head.source) ?? true else {
        return []
      }
      return matrix.head.sequences.enumerated().map { row, sequence in
        (sequence, matrix.head.source, (0..<matrix.seriesCount).filter { matrix.isPresent($0, row) })
      }
    }
  }.sorted { $0.sequence < $1.sequence }
}

extension Logger {
  static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}

/// Waits until something holds, at most ten seconds.
func eventually(_ holds: @Sendable () -> Bool) async -> Bool {
  for _ in 0..<10_000 {
    if holds() { return true }
    try? await Task.sleep(for: .milliseconds(1))
  }
  return holds()
}
