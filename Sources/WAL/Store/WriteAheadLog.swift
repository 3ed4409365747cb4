import Codec
import Model

/// A durable queue of blocks on the disk: collectors append rows, any number of consumers read them, each at its own pace and
/// with a cursor that survives everything. docs/log-format.md describes the files.
///
/// One process writes; other processes may look with `LogInspector`. All methods may be called from any task.
public final class WriteAheadLog: Sendable {
  /// What opening found and did.
  public let opening: OpeningReport
  /// What destinations refused for good.
  public let deadLetters: DeadLetters
  let core: LogCore

  init(core: LogCore, opening: OpeningReport) {
    self.core = core
    deadLetters = DeadLetters(core: core)
    self.opening = opening
  }

  deinit {
    // Without `close` the log stops as if the process had been killed: nothing acknowledged is lost.
    let reply = core.state.withLock { $0.phase == .open }
    guard reply else { return }
    let core = core
    Task { let _: Void? = try? await core.ask { Command.abandon($0) } }
  }

  /// Opens the log, or makes it. Blocks for some milliseconds, however much is in it; longer only when the last stop was unclean and the
  /// newest segment has to be checked, or something has to be rescued.
  public static func open(_ configuration: LogConfiguration) throws(LogError) -> WriteAheadLog {
    var opening = try LogOpening(configuration)
    let (core, writer) = try opening.run()
    try writer.start()
    return WriteAheadLog(core: core, opening: opening.report)
  }

  // MARK: - Appending

  /// Returns when rows and positions are on the disk, or at once with `.full`. Appends that wait at the same time share a commit.
  ///
  /// Throws `.refused` when a row can never be stored (nothing of the batch is, then), `.storage` when the disk refuses.
  public func append(
    _ batch: RowBatch, positions: [CollectorPosition] = []
  ) async throws(LogError) -> AppendOutcome {
    let bytes = try check(batch, positions)
    guard try await core.admit(bytes) else { return .full }
    do throws(LogError) {
      return try await core.ask { reply in
        .append(PendingAppend(id: core.newID(), batch: batch, positions: positions, bytes: bytes, reply: reply))
      }
    } catch {
      if error.kind == .closed { core.release(bytes) }
      throw error
    }
  }

  /// Returns when rows and positions are in memory; they are on the disk within the commit interval. Waits while more than 16 MiB
  /// wait for the writer. `.full`: nothing was taken.
  ///
  /// Rows that turn out not to be storable are left out and counted.
  public func enqueue(
    _ batch: RowBatch, positions: [CollectorPosition] = []
  ) async throws(LogError) -> AppendOutcome {
    let bytes = try check(batch, positions)
    if core.rejectsNow() { return .full }
    guard try await core.admit(bytes) else { return .full }
    let request = PendingAppend(id: core.newID(), batch: batch, positions: positions, bytes: bytes, reply: nil)
    guard core.submit(.append(request), isUrgent: false) else {
      core.release(bytes)
      throw core.closedError
    }
    return .accepted
  }

  /// Stores blocks of other Clymene logs, unchanged, once: rows that this log holds or has held are left out. Returns when
  /// everything is on the disk, with an answer for each block. `tables`: those that came along. `positions` are stored only when all blocks are held.
  public func append(
    received blocks: [SealedBlock], tables: [SeriesTable] = [], positions: [CollectorPosition] = []
  ) async throws(LogError) -> [ReceivedOutcome] {
    try check(positions)
    let bytes = blocks.reduce(0) { $0 + $1.bytes.count } + tables.reduce(0) { $0 + $1.bytes.count } + 256
    guard try await core.admit(bytes) else { return blocks.map { _ in .full } }
    do throws(LogError) {
      return try await core.ask { reply in
        .receive(PendingReceive(blocks: blocks, tables: tables, positions: positions, bytes: bytes, reply: reply))
      }
    } catch {
      if error.kind == .closed { core.release(bytes) }
      throw error
    }
  }

  /// Returns when everything that was enqueued before is on the disk.
  public func flush() async throws(LogError) {
    try await core.ask { Command.flush($0) }
  }

  /// Where a collector stood when its last committed append was made; nil when it never gave a position.
  public func position(of collector: String) -> [UInt8]? {
    core.state.withLock { $0.positions[collector] }
  }

  /// All collectors' committed positions.
  public func positions() -> [String: [UInt8]] { core.state.withLock { $0.positions } }

  // MARK: - Reading

  /// The cursor of a consumer, made durably at `start` when the name is new. One holder a name: a second one is an error until
  /// the first has gone (or called `close`).
  public func cursor(named name: String, start: CursorStart = .oldest) async throws(LogError) -> Cursor {
    guard (1...200).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw LogError(
        .misuse, "consumer's name: \(name.utf8.count) bytes; 1 to 200 without control characters are allowed")
    }
    if !core.state.withLock({ $0.consumers[name] != nil }) {
      let base = try await core.offset(of: start)
      try await core.ask { Command.createConsumer(name: name, base: base, $0) }
    }
    let taken: (holder: UInt64, consumer: Consumer)? = core.state.withLock { state in
      guard let consumer = state.consumers[name], !consumer.isHeld else { return nil }
      state.nextWaiter += 1
      state.consumers[name]?.holder = state.nextWaiter
      return (state.nextWaiter, consumer)
    }
    guard let (holder, consumer) = taken else {
      throw LogError(.misuse, "consumer \(name) has a cursor already; one holder a name")
    }
    return Cursor(
      core: core, name: name, holder: holder,
      opened: (sentBefore: consumer.sentBefore, generation: consumer.record.generation))
  }

  /// Sets a consumer's cursor to another place; the rows from there on are delivered again, in a new generation.
  public func resetConsumer(_ name: String, to start: CursorStart) async throws(LogError) {
    let base = try await core.offset(of: start)
    try await core.ask { Command.resetConsumer(name: name, base: base, $0) }
  }

  /// Removes the cursor of a consumer that is gone; what it held may be removed.
  public func forgetConsumer(_ name: String) async throws(LogError) {
    try await core.ask { Command.forgetConsumer(name: name, $0) }
  }

  // MARK: - The rest

  public func status() -> LogStatus { core.status() }

  /// Commits what waits, notes the cursors and closes the files. Appends that come later throw `.closed`; so do cursors that wait.
  /// Lanes should have stopped before: what they acknowledge from here on is not noted.
  public func close() async throws(LogError) {
    try await core.ask { Command.close($0) }
  }

  /// Seals the active segment and starts a new one, if it holds anything.
  public func roll() async throws(LogError) {
    try await core.ask { Command.roll($0) }
  }

  /// Stops as if the process had been killed, but for what the kernel would do; for tests.
  func abandon() async {
    let _: Void? = try? await core.ask { Command.abandon($0) }
  }

  private func check(_ batch: RowBatch, _ positions: [CollectorPosition]) throws(LogError) -> Int {
    try check(positions)
    let positionBytes = positions.reduce(0) { $0 + $1.collector.utf8.count + $1.position.count + 64 }
    return batch.approximateBytes + positionBytes
  }

  private func check(_ positions: [CollectorPosition]) throws(LogError) {
    for position in positions {
      guard (1...400).contains(position.collector.utf8.count), position.position.count <= 65536 else {
        throw LogError(
          .misuse,
          "collector's position: a name of \(position.collector.utf8.count) bytes (1 to 400), \(position.position.count) bytes (at most 65,536)"
        )
      }
    }
    if positions.isEmpty { return }
    let limitBytes = core.configuration.limitPositionBytes
    if let excess = core.state.withLock({ $0.excess(adding: positions, limitBytes: limitBytes) }) {
      throw LogError(.misuse, "collectors' positions: \(excess)")
    }
  }
}

/// Where a new cursor starts.
public enum CursorStart: Sendable, Equatable {
  case oldest
  case newest
  /// At the first block that has something at or after this time.
  case time(UnixMilliseconds)
}

/// The log as the collectors see it.
public struct LogSink: Sink {
  let log: WriteAheadLog

  public func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance {
    do {
      return try await log.append(batch, positions: positions) == .full ? .full : .accepted
    } catch let error where error.kind == .refused {
      return .refused(reason: error.description)
    }
  }

  public func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance {
    try await log.enqueue(batch, positions: positions) == .full ? .full : .accepted
  }

  public func append(
    received blocks: [SealedBlock], tables: [SeriesTable], positions: [CollectorPosition]
  ) async throws -> [ReceivedOutcome] {
    try await log.append(received: blocks, tables: tables, positions: positions)
  }
}

extension WriteAheadLog {
  public var sink: LogSink { LogSink(log: self) }
}
