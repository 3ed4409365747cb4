import Codec
import Model
import Synchronization

/// A log that keeps in memory what it is given, and answers as the test says.
final class MemorySink: Sink {
  struct Sample: Hashable, Sendable, CustomStringConvertible {
    let labels: Labels
    let timestamp: Int64
    let bits: UInt64

    init(_ labels: Labels, _ timestamp: Int64, _ value: Double) {
      self.labels = labels
      self.timestamp = timestamp
      bits = value.bitPattern
    }

    var value: Double { Double(bitPattern: bits) }
    var isStale: Bool { StaleMarker.matches(value) }
    var description: String { "\(labels) \(isStale ? "stale" : "\(value)") @\(timestamp)" }
  }

  private struct State {
    var batches: [RowBatch] = []
    var answers: [Result<Acceptance, Failure>] = []
    var room: Duration?
    var enqueues = 0
    var waiting: [(count: Int, CheckedContinuation<Void, Never>)] = []
  }

  struct Failure: Error {}

  private let state = Mutex(State())

  /// The next answers; after them everything is accepted.
  func answer(_ answers: Result<Acceptance, Failure>...) { state.withLock { $0.answers += answers } }

  var batches: [RowBatch] { state.withLock { $0.batches } }
  var samples: [Sample] { get throws { try batches.flatMap { try Self.samples($0) } } }

  func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance {
    let (answer, woken) = state.withLock { state in
      let answer = state.answers.isEmpty ? .success(.accepted) : state.answers.removeFirst()
      if case .success(.accepted) = answer { state.batches.append(batch) }
      let count = state.batches.count
      let woken = state.waiting.filter { $0.count <= count }
      state.waiting.removeAll { $0.count <= count }
      return (answer, woken)
    }
    for (_, continuation) in woken { continuation.resume() }
    return try answer.get()
  }

  /// `enqueue` waits so long for room, as the log does when it is full, and fails when its task is cancelled.
  func makeWait(_ room: Duration) { state.withLock { $0.room = room } }

  /// How often `enqueue` was called.
  var enqueues: Int { state.withLock { $0.enqueues } }

  func append(
    received blocks: [SealedBlock], tables: [SeriesTable], positions: [CollectorPosition]
  ) async throws -> [ReceivedOutcome] {
    throw Failure()
  }

  func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance {
    let room = state.withLock { state in
      state.enqueues += 1
      return state.room
    }
    if let room { try await Task.sleep(for: room) }
    return try await append(batch, positions: positions)
  }

  /// Returns when so many batches have come.
  func wait(forBatches count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.batches.count >= count { return true }
        state.waiting.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  /// The samples of a batch in order, with the labels that its tables hold.
  static func samples(_ batch: RowBatch) throws -> [Sample] {
    guard case .metrics(let rows) = batch.rows else { return [] }
    return try samples(rows)
  }

  static func samples(_ rows: [MetricRow]) throws -> [Sample] {
    var samples: [Sample] = []
    for row in rows {
      switch row {
      case .scrape(let scrape):
        let series = try scrape.tables.flatMap { try $0.decode() }
        let absent = Set(scrape.absent)
        let own = Dictionary(uniqueKeysWithValues: scrape.ownTimestamps.map { ($0.series, $0.timestamp) })
        for (at, entry) in series.enumerated() where !absent.contains(UInt32(at)) {
          let timestamp = own[UInt32(at)] ?? scrape.timestamp
          samples.append(Sample(entry.labels, timestamp.rawValue, scrape.values[at]))
        }
      case .loose(let loose):
        let series = try loose.tables.flatMap { try $0.decode() }
        for sample in loose.samples {
          samples.append(Sample(series[Int(sample.series)].labels, sample.timestamp.rawValue, sample.value))
        }
      }
    }
    return samples
  }
}
