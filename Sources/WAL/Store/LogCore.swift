import Codec
import Synchronization

/// What facade, cursors and writer share: the state behind its lock, the writer's bell, and the log's own time.
final class LogCore: Sendable {
  let configuration: LogConfiguration
  let state: Mutex<LogState>
  let wakeup = Wakeup()
  let time: LogTime
  /// Held while dead letters change, so that a measurement does not count a change twice.
  let letterFiles = Mutex(())

  init(configuration: LogConfiguration, state: consuming sending LogState, time: LogTime) {
    self.configuration = configuration
    self.state = Mutex(state)
    self.time = time
  }

  /// Milliseconds of the log's own time.
  var now: Int64 { time.at(sinceBoot: configuration.clock.sinceBoot()) }

  var closedError: LogError { LogError(.closed, "\(configuration.directory): the log is closed") }

  func path(_ first: UInt64) -> String { "\(configuration.segmentsDirectory)/\(SegmentName.file(first))" }

  func sumsPath(_ first: UInt64) -> String { PageSums.path(besides: path(first)) }

  func newID() -> UInt64 {
    state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
  }

  /// A full log takes nothing that nobody waits for; the tick finds out when that has changed.
  func rejectsNow() -> Bool {
    state.withLock { state in
      if state.isFull { state.counters.appendsRejected += 1 }
      return state.isFull
    }
  }

  /// Counts what was added to the dead letters, or taken away.
  func note(letters: Int, bytes: Int) {
    state.withLock { state in
      state.letters = max(0, state.letters + letters)
      state.letterBytes = max(0, state.letterBytes + bytes)
    }
  }

  /// Whether dead letters may grow by `bytes`, by `max_size` and by the disk.
  func hasRoom(forLetter bytes: Int) -> Bool {
    guard state.withLock({ $0.diskBytes }) + bytes <= configuration.maxSizeBytes else { return false }
    return Files.freeBytes(configuration.directory).map { $0 >= bytes } ?? true
  }

  // MARK: - Handing work to the writer

  /// Waits until `bytes` more may wait for the writer; the room is then taken and goes on with the command. False when the log is full, and
  /// what it holds leaves no room.
  func admit(_ bytes: Int) async throws(LogError) -> Bool {
    let id = newID()
    let result: Result<Bool, LogError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now: Result<Bool, LogError>? = state.withLock { state in
          guard state.phase == .open else { return .failure(closedError) }
          if state.admissions.isEmpty, state.hasRoom(bytes) {
            state.waitingBytes += bytes
            return .success(true)
          }
          if state.isFull {
            state.counters.appendsRejected += 1
            return .success(false)
          }
          if Task.isCancelled { return .failure(LogError(.cancelled, "cancelled while waiting for room")) }
          state.admissions.append(.init(id: id, bytes: bytes, continuation: continuation))
          state.isUrgent = true
          return nil
        }
        if let now { continuation.resume(returning: now) } else { wakeup.call() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.admissions.firstIndex { $0.id == id }.map { state.admissions.remove(at: $0) }
      }
      waiter?.continuation.resume(returning: .failure(LogError(.cancelled, "cancelled while waiting for room")))
    }
    return try result.get()
  }

  /// Gives a command to the writer. `admitted` bytes were taken by `admit`.
  func submit(_ command: Command, isUrgent: Bool) -> Bool {
    let (taken, ring) = state.withLock { state -> (Bool, Bool) in
      guard state.phase == .open else { return (false, false) }
      let wasEmpty = state.commands.isEmpty
      state.add(command, bytes: 0, isUrgent: isUrgent)
      return (true, isUrgent || wasEmpty || state.waitingBytes >= LogConfiguration.waitingBytes / 2)
    }
    if ring { wakeup.call() }
    return taken
  }

  /// Gives a command to the writer and waits for its answer.
  func ask<Value: Sendable>(_ make: (Reply<Value>) -> Command) async throws(LogError) -> Value {
    let result: Result<Value, LogError> = await withCheckedContinuation { continuation in
      let reply = Reply<Value>(continuation: continuation)
      if !submit(make(reply), isUrgent: true) { reply.fail(closedError) }
    }
    return try result.get()
  }

  /// Gives room back that was taken for rows which never went on.
  func release(_ bytes: Int) {
    let admitted = state.withLock { $0.release(bytes) }
    for waiter in admitted { waiter.continuation.resume(returning: .success(true)) }
  }

  // MARK: - Waiting for data

  /// Returns when something has changed since the caller looked (`isStale` says so under the lock), or when cancelled.
  func waitForData(unless isStale: @Sendable (borrowing LogState) -> Bool) async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now = state.withLock { state in
          if state.phase != .open || Task.isCancelled || isStale(state) { return true }
          state.dataWaiters[id] = continuation
          return false
        }
        if now { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.dataWaiters.removeValue(forKey: id) }?.resume()
    }
  }

  func wakeReaders() {
    for waiter in state.withLock({ $0.takeDataWaiters() }) { waiter.resume() }
  }
}
