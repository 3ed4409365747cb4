import Codec
import Logging
import Model
import Synchronization

/// Moves one forwarder's blocks from the log to their destination, none acknowledged before the destination has it. The only place where
/// anything is tried again.
///
///     cursor ──▶ batches (LaneBatches) ──▶ requests, a shard each (LaneSchedule) ──▶ forwarder
///        ▲                                        │ answer: RequestDecision
///        └── acknowledge ◀── batch complete ◀─────┤
///                                                 └──▶ dead letters, then the batch goes on
///
/// `run` is one loop over events, and owns the schedule. Each request has a task (LaneRequest) that ends with what became of it. Before rows are
/// sent for the first time the log notes durably that they may be; after a crash these are sent block by block, and the destination's "I have
/// that" is believed.
final class Lane: Sendable {
  let name: String
  let source: any BlockSource
  let forwarder: any Forwarder
  let deadLetters: any DeadLetterBox
  let limits: LaneLimits
  private let logger: Logger
  private let wallClock: @Sendable () -> UnixMilliseconds
  private let sleep: @Sendable (Duration) async throws -> Void
  private let state: Mutex<State>

  private struct State {
    var counters = LaneCounters()
    var size: BatchSize
    var bytes: RateLimit?
    var requests: RateLimit?
    /// No request begins any more.
    var isStopping = false
    /// Requests at the forwarder, which outlive their task's cancellation until `abort`.
    var underWay: [Int: Task<Answer, Never>] = [:]
    /// Pauses that end early when the cursor is moved.
    var pauses: [Int: Task<Void, any Error>] = [:]
    var nextID = 0
    var events: AsyncStream<Event>.Continuation?
    var stopAsked = false
    var lastLetterNote: UnixMilliseconds?

    mutating func takeID() -> Int {
      nextID += 1
      return nextID
    }
  }

  private enum Event: Sendable {
    case read(Result<[QueuedBlock], any Error>)
    case readAgain
    case ended(request: Int, Ended)
    case letters([RedrivenLetter])
    case letterEnded(UInt64)
    case look
    case stop
    case stopNow
    case cancelled
  }

  init(
    name: String, source: any BlockSource, forwarder: any Forwarder, deadLetters: any DeadLetterBox,
    limits: LaneLimits = .init(), logger: Logger, wallClock: @escaping @Sendable () -> UnixMilliseconds = WallClock.now,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.name = name
    self.source = source
    self.forwarder = forwarder
    self.deadLetters = deadLetters
    self.limits = limits
    self.logger = logger
    self.wallClock = wallClock
    self.sleep = sleep
    let now = ContinuousClock.now
    state = Mutex(
      State(
        size: BatchSize(limits: limits),
        bytes: limits.maxBytesPerSecond.map { RateLimit(perSecond: Double($0), now: now) },
        requests: limits.maxRequestsPerSecond.map { RateLimit(perSecond: $0, now: now) }))
  }

  var counters: LaneCounters { state.withLock { $0.counters } }

  /// Asks for an orderly end: a lane that gets through delivers what is there, for a while; then requests under way are finished.
  func stop() {
    let events = state.withLock { state in
      state.stopAsked = true
      return state.events
    }
    events?.yield(.stop)
  }

  /// Delivers until `stop`, or until the task is cancelled, which ends requests under way. Then the forwarder closes. What is not acknowledged by
  /// then comes again after the next start.
  func run() async {
    let (events, happened) = AsyncStream<Event>.makeStream()
    let stopAsked = state.withLock { state in
      state.events = happened
      return state.stopAsked
    }
    if stopAsked { happened.yield(.stop) }
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        await loop(events, happened, &group)
        group.cancelAll()
      }
    } onCancel: {
      abort()
      happened.yield(.cancelled)
    }
    state.withLock { $0.events = nil }
    await forwarder.close()
  }

  // MARK: - The loop

  private struct Run {
    var schedule: LaneSchedule
    var generation: UInt64
    var isReading = false
    var isLooking = false
    var isDraining = false
    var isStopping = false
    /// The cursor was moved: what is under way ends first.
    var isStartingOver = false
    var letters: Set<UInt64> = []
    var readBackoff: Backoff
    /// Some request was left without an end.
    var isUnsettled = false
  }

  private func loop(
    _ events: AsyncStream<Event>, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) async {
    var run = Run(
      schedule: LaneSchedule(shards: forwarder.shards, limits: limits), generation: source.generation,
      readBackoff: Backoff(limits: limits))
    addLook(at: .zero, happened, &group)
    advance(&run, happened, &group)
    for await event in events {
      switch event {
      case .read(let result): take(result, &run, happened, &group)
      case .readAgain: run.isReading = false
      case .ended(let request, let ended): take(ended, of: request, &run)
      case .letters(let letters):
        run.isLooking = false
        if !run.isStopping { for letter in letters { resend(letter, &run, happened, &group) } }
      case .letterEnded(let number): run.letters.remove(number)
      case .look:
        look(&run, happened, &group)
        if !run.isStopping { addLook(at: limits.lookInterval, happened, &group) }
      case .stop:
        guard !run.isDraining else { continue }
        run.isDraining = true
        let drain = limits.drainAtStop
        group.addTask {
          try? await Task.sleep(for: drain)
          happened.yield(.stopNow)
        }
      case .stopNow, .cancelled: endSoon(&run, &group)
      }
      if source.generation != run.generation { startOver(&run) }
      advance(&run, happened, &group)
      if run.isDraining, !run.isStopping, isDone(run) { endSoon(&run, &group) }
      if run.isStopping, run.schedule.runningCount == 0, run.letters.isEmpty {
        if !run.isUnsettled { source.settleSent() }
        return
      }
    }
  }

  /// Whether waiting any longer at a stop brings nothing.
  private func isDone(_ run: Run) -> Bool {
    if counters.failuresInARow > 0 { return true }
    return run.schedule.isEmpty && run.letters.isEmpty && source.isDrained(after: run.schedule.readUpTo)
  }

  private func endSoon(_ run: inout Run, _ group: inout DiscardingTaskGroup) {
    guard !run.isStopping else { return }
    run.isStopping = true
    state.withLock { $0.isStopping = true }
    // Ends pauses and reading; requests at the forwarder are finished.
    group.cancelAll()
  }

  /// Requests at the forwarder end now, too.
  private func abort() {
    let tasks = state.withLock { state in
      state.isStopping = true
      return Array(state.underWay.values)
    }
    for task in tasks { task.cancel() }
  }

  /// Starts what may start, and reads when there is nothing.
  private func advance(
    _ run: inout Run, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) {
    defer { show(run) }
    guard !run.isStopping else { return }
    if run.isStartingOver {
      guard run.schedule.runningCount == 0 else { return }
      run.isStartingOver = false
    }
    while let request = run.schedule.start() {
      let generation = run.generation
      group.addTask { happened.yield(.ended(request: request.id, await self.carry(request, generation))) }
    }
    guard !run.isReading, run.schedule.wantsMore else { return }
    if run.isDraining, source.isDrained(after: run.schedule.readUpTo) { return }
    run.isReading = true
    let after = run.schedule.readUpTo
    let limitBytes = limits.readBytes
    group.addTask {
      do {
        happened.yield(.read(.success(try await self.source.next(limitBytes: limitBytes, after: after))))
      } catch {
        happened.yield(.read(.failure(error)))
      }
    }
  }

  private func take(
    _ result: Result<[QueuedBlock], any Error>, _ run: inout Run, _ happened: AsyncStream<Event>.Continuation,
    _ group: inout DiscardingTaskGroup
  ) {
    run.isReading = false
    guard !run.isStartingOver, source.generation == run.generation else { return }
    switch result {
    case .success(let blocks):
      run.readBackoff.succeed()
      let sentBefore = source.sentBefore
      let size = state.withLock { $0.size.entries }
      for batch in LaneBatches.cut(blocks, limitEntries: size, sentBefore: sentBefore) {
        let mayBeThere = (batch.first?.offsets.lowerBound ?? .max) < sentBefore
        let sent = batch.map(\.block)
        let merged = forwarder.wantsMergedBlocks && !mayBeThere ? try? LaneBatches.merged(sent) : nil
        run.schedule.add(batch, sent: merged ?? sent, mayBeThere: mayBeThere)
      }
    case .failure(let error):
      guard !(error is CancellationError), !run.isStopping else { return }
      // The log's trouble is waited out like the destination's.
      let pause = run.readBackoff.fail(asked: nil, random: .random(in: 0..<1))
      noteReadError("\(error)")
      run.isReading = true
      group.addTask {
        _ = await self.wait(pause)
        happened.yield(.readAgain)
      }
    }
  }

  private func take(_ ended: Ended, of request: Int, _ run: inout Run) {
    guard ended.isSettled else {
      run.schedule.abandon(request)
      // Of an older generation nothing has to be known.
      if isWanted(run.generation), !run.isStartingOver { run.isUnsettled = true }
      return
    }
    let batch = run.schedule.finish(request, deadRows: ended.deadRows, thereRows: ended.thereRows)
    guard let batch, !run.isStartingOver else { return }
    for offsets in batch.offsets { source.acknowledge(offsets, generation: run.generation) }
    state.withLock { state in
      state.counters.deliveredBlocks += batch.blockCount
      state.counters.deliveredRows += max(0, batch.rows - batch.deadRows - batch.thereRows)
      state.counters.alreadyThereRows += batch.thereRows
      state.counters.deliveredEntries += batch.entries
      state.counters.deliveredBytes += batch.bytes
    }
  }

  private func startOver(_ run: inout Run) {
    run.generation = source.generation
    run.isStartingOver = true
    run.schedule.startOver()
    for pause in state.withLock({ Array($0.pauses.values) }) { pause.cancel() }
  }

  private func show(_ run: Run) {
    let oldest = run.schedule.oldestWaiting
    let running = run.schedule.runningCount
    state.withLock { state in
      state.counters.oldestWaiting = oldest
      state.counters.inFlight = running
    }
  }

  // MARK: - Requests

  /// One request of the log's rows, from the note that it may be sent to the dead letters that are durable.
  private func carry(_ request: LaneSchedule.Request, _ generation: UInt64) async -> Ended {
    var backoff = Backoff(limits: limits)
    var left = Ended()
    left.isSettled = false
    while !request.mayBeThere {
      do {
        try await source.markSent(upTo: request.end)
        break
      } catch {
        noteReadError("\(error)")
        guard isWanted(generation), await wait(backoff.fail(asked: nil, random: .random(in: 0..<1))) else {
          return left
        }
      }
    }
    let ended = await settle(
      request.blocks, shard: request.shard, mayBeThere: request.mayBeThere, generation: generation)
    guard ended.isSettled, isWanted(generation) || ended.refused.isEmpty else { return left }
    for letter in ended.refused {
      guard await keep(letter) else { return left }
    }
    return ended
  }

  /// Puts refused rows away; false when a stop came first. They are not acknowledged before this has succeeded.
  private func keep(_ letter: RefusedRows) async -> Bool {
    var backoff = Backoff(limits: limits)
    while true {
      do {
        let dropped = try await deadLetters.add(letter)
        noteLetter(letter, dropped)
        return true
      } catch {
        noteReadError("the dead letters: \(error)")
        guard await wait(backoff.fail(asked: nil, random: .random(in: 0..<1))) else { return false }
      }
    }
  }

  private func resend(
    _ letter: RedrivenLetter, _ run: inout Run, _ happened: AsyncStream<Event>.Continuation,
    _ group: inout DiscardingTaskGroup
  ) {
    guard run.letters.insert(letter.number).inserted else { return }
    let generation = run.generation
    group.addTask {
      await self.resend(letter, generation)
      happened.yield(.letterEnded(letter.number))
    }
  }

  /// What is refused again, in whole or in part, becomes a dead letter again; the rest is gone from there.
  private func resend(_ letter: RedrivenLetter, _ generation: UInt64) async {
    let ended = await settle(letter.blocks, shard: nil, mayBeThere: false, generation: generation)
    guard ended.isSettled else { return }
    do {
      if let refused = ended.refused.first, ended.refused.count == 1, refused.rows == letter.rows {
        try await deadLetters.putBack(letter.number, reason: refused.reason)
        return
      }
      for refused in ended.refused { noteLetter(refused, try await deadLetters.add(refused)) }
      try await deadLetters.remove(letter.number)
    } catch {
      // It is still marked, and comes again with the next look.
      noteReadError("dead letter \(letter.number): \(error)")
    }
  }

  private func look(
    _ run: inout Run, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) {
    guard !run.isLooking, !run.isStopping else { return }
    run.isLooking = true
    group.addTask {
      do {
        happened.yield(.letters(try await self.deadLetters.redriven()))
      } catch {
        self.noteReadError("the dead letters: \(error)")
        happened.yield(.letters([]))
      }
    }
  }

  private func addLook(
    at pause: Duration, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) {
    group.addTask {
      // Not the lane's own clock, which in tests takes no time.
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      happened.yield(.look)
    }
  }

  // MARK: - For LaneRequest

  func isWanted(_ generation: UInt64) -> Bool { source.generation == generation }

  /// One request at the forwarder. An orderly stop does not interrupt it.
  func send(_ blocks: [TabledBlock], _ shard: Shard?, _ generation: UInt64, isCut: Bool) async -> Answer {
    let delivery = Delivery(blocks: blocks, generation: generation, shard: shard)
    let start = ContinuousClock.now
    let request = Task { await forwarder.deliver(delivery) }
    let id = state.withLock { state in
      let id = state.takeID()
      state.underWay[id] = request
      if isCut { state.counters.splitRequests += 1 }
      return id
    }
    let answer = await request.value
    state.withLock { state in
      state.underWay[id] = nil
      state.counters.requestTime += ContinuousClock.now - start
    }
    return answer
  }

  /// Waits for the allowance of a request with so many entries, and takes it; false when a stop came first.
  func mayGo(_ entries: Int) async -> Bool {
    while true {
      let pause: Duration? = state.withLock { state in
        guard !state.isStopping else { return nil }
        let now = ContinuousClock.now
        let expected = Double(entries) * state.size.bytesPerEntry
        let pause = max(
          state.bytes?.pause(for: expected, now: now) ?? .zero, state.requests?.pause(for: 1, now: now) ?? .zero)
        guard pause == .zero else { return pause }
        state.bytes?.spend(expected)
        state.requests?.spend(1)
        return .zero
      }
      guard let pause else { return false }
      if pause == .zero { return true }
      guard await wait(pause) else { return false }
    }
  }

  /// False when a stop came, or the pause was cut short.
  func wait(_ pause: Duration) async -> Bool {
    let sleep = self.sleep
    let pausing = Task { try await sleep(pause) }
    let id = state.withLock { state in
      let id = state.takeID()
      state.pauses[id] = pausing
      return id
    }
    defer { state.withLock { $0.pauses[id] = nil } }
    return await withTaskCancellationHandler {
      (try? await pausing.value) != nil && !Task.isCancelled
    } onCancel: {
      pausing.cancel()
    }
  }
}

// MARK: - What is told

extension Lane {
  /// Counts an answer, learns from it, and says what has changed.
  func note(_ answer: Answer, entries: Int, _ step: RequestDecision.Step) {
    let now = wallClock()
    let (before, after) = state.withLock { state in
      let before = state.counters
      // What was expected has been spent already.
      state.bytes?.spend(Double(answer.sentBytes) - Double(entries) * state.size.bytesPerEntry)
      state.counters.note(answer, step, at: now)
      switch answer.outcome {
      case .delivered, .alreadyThere: state.size.delivered(entries: entries, sentBytes: answer.sentBytes)
      case .tooLarge: state.size.tooLarge(entries: entries)
      case .retry, .misconfigured, .refused, .conflict: break
      }
      return (before, state.counters)
    }
    log(from: before, to: after)
  }

  private func noteReadError(_ reason: String) {
    let now = wallClock()
    let (before, after) = state.withLock { state in
      let before = state.counters
      state.counters.readErrors += 1
      state.counters.failuresInARow += 1
      state.counters.lastError = "reading the log: \(reason)"
      state.counters.lastErrorAt = now
      return (before, state.counters)
    }
    log(from: before, to: after)
  }

  private func noteLetter(_ letter: RefusedRows, _ dropped: DroppedLetters) {
    let now = wallClock()
    let isSaid = state.withLock { state in
      state.counters.deadLetterRows += letter.rows
      // Once a minute is enough to wake somebody.
      if let last = state.lastLetterNote, now.rawValue - last.rawValue < 60_000 { return false }
      state.lastLetterNote = now
      return true
    }
    if dropped.letters > 0 {
      logger.error(
        "\(dropped.letters) dead letters with \(dropped.rows) rows had to go: their folder is full",
        metadata: ["forwarder": "\(name)"])
    }
    guard isSaid else { return }
    logger.error(
      "\(letter.rows) rows were refused for good and are dead letters now (clymene wal dead-letters list): \(letter.reason)",
      metadata: ["forwarder": "\(name)"])
  }

  /// Says each change once; a destination that stays away does not fill the log.
  private func log(from before: LaneCounters, to after: LaneCounters) {
    if let alarm = after.alarm, before.alarm != alarm {
      logger.error("held until somebody helps: \(alarm)", metadata: ["forwarder": "\(name)"])
    } else if before.failuresInARow == 0, after.failuresInARow > 0 {
      logger.warning(
        "does not get through, trying on: \(after.lastError ?? "")", metadata: ["forwarder": "\(name)"])
    } else if before.failuresInARow > 0, after.failuresInARow == 0 {
      logger.info(
        "gets through again after \(before.failuresInARow) failed requests", metadata: ["forwarder": "\(name)"])
    }
  }
}
