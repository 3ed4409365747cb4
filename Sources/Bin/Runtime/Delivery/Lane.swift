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
  let logger: Logger
  let wallClock: @Sendable () -> UnixMilliseconds
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) async throws -> Void
  let state: Mutex<State>

  struct State {
    var counters = LaneCounters()
    var size: BatchSize
    var bytes: RateLimit?
    var requests: RateLimit?
    /// No request begins any more.
    var isStopping = false
    /// Requests at the forwarder, which outlive their task's cancellation until `abort`.
    var underWay: [Int: Task<Answer, Never>] = [:]
    /// Pauses, and a read that waits, which end early when the cursor is moved.
    var pauses: [Int: Task<Void, any Error>] = [:]
    var reading: Task<[QueuedBlock], any Error>?
    var nextID = 0
    var events: AsyncStream<Event>.Continuation?
    var stopAsked = false
    var lastLetterNote: UnixMilliseconds?
    /// What was said last of trouble with the dead letters.
    var letterTrouble = ""

    mutating func takeID() -> Int {
      nextID += 1
      return nextID
    }
  }

  enum Event: Sendable {
    /// Of the read with this number.
    case read(Int, Result<[QueuedBlock], any Error>)
    case readAgain(Int)
    case ended(request: Int, Ended)
    case letters([RedrivenLetter])
    case letterEnded
    case look
    case stop
    case stopNow
    case cancelled
  }

  init(
    name: String, source: any BlockSource, forwarder: any Forwarder, deadLetters: any DeadLetterBox,
    limits: LaneLimits = .init(), logger: Logger, wallClock: @escaping @Sendable () -> UnixMilliseconds = WallClock.now,
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.name = name
    self.source = source
    self.forwarder = forwarder
    self.deadLetters = deadLetters
    self.limits = limits
    self.logger = logger
    self.wallClock = wallClock
    self.clock = clock
    self.sleep = sleep
    let now = clock()
    state = Mutex(
      State(
        size: BatchSize(limits: limits, areMerged: forwarder.wantsMergedBlocks),
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

  struct Run {
    var schedule: LaneSchedule
    var generation: UInt64
    /// The number of the read that is under way; a read of another number is not wanted any more.
    var read: Int?
    var reads = 0
    var isLooking = false
    var isDraining = false
    var isStopping = false
    /// The cursor was moved: what is under way ends first.
    var isStartingOver = false
    /// Dead letters that are sent again, one after the other; the first is under way.
    var letters: [RedrivenLetter] = []
    var readBackoff: Backoff
    let merger = LaneMerger()
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
      case .read(let number, let result): take(result, of: number, &run, happened, &group)
      case .readAgain(let number): if run.read == number { run.read = nil }
      case .ended(let request, let ended): take(ended, of: request, &run)
      case .letters(let letters):
        run.isLooking = false
        if !run.isStopping { begin(letters, &run, happened, &group) }
      case .letterEnded:
        run.letters.removeFirst()
        if run.isStopping { run.letters = [] }
        sendFirstLetter(&run, happened, &group)
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
        // Of rows that an earlier life may have sent, those that had no turn are still in doubt.
        if !run.isUnsettled, !run.schedule.isPartlySent, source.sentBefore == 0 { source.settleSent() }
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
    guard run.read == nil, run.schedule.wantsMore else { return }
    if run.isDraining, source.isDrained(after: run.schedule.readUpTo) { return }
    run.reads += 1
    run.read = run.reads
    let number = run.reads
    let after = run.schedule.readUpTo
    group.addTask { happened.yield(.read(number, await self.read(after: after))) }
  }

  /// Ends early when the task is cancelled, and when the cursor is moved.
  private func read(after: UInt64?) async -> Result<[QueuedBlock], any Error> {
    let limitBytes = forwarder.wantsMergedBlocks ? limits.mergedReadBytes : limits.readBytes
    let reading = Task { try await source.next(limitBytes: limitBytes, after: after) }
    state.withLock { $0.reading = reading }
    return await withTaskCancellationHandler {
      await reading.result
    } onCancel: {
      reading.cancel()
    }
  }

  private func take(
    _ result: Result<[QueuedBlock], any Error>, of number: Int, _ run: inout Run,
    _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) {
    guard run.read == number else { return }
    run.read = nil
    // Of a place that the cursor has left meanwhile.
    guard source.generation == run.generation else { return }
    switch result {
    case .success(let blocks):
      run.readBackoff.succeed()
      // Who knows rows by number says of each whether it is there, however they are joined.
      let sentBefore = forwarder.takesPartsOfRows ? source.sentBefore : 0
      let size = state.withLock { $0.size.entries }
      let batches = LaneBatches.cut(
        blocks, limitEntries: size,
        limitLogBytes: forwarder.wantsMergedBlocks ? limits.mergedBatchLogBytes : limits.batchLogBytes,
        sentBefore: sentBefore)
      for batch in batches {
        let mayBeThere = (batch.first?.offsets.lowerBound ?? .max) < sentBefore
        let sent = batch.map(\.block)
        let merged = forwarder.wantsMergedBlocks && !mayBeThere ? run.merger.merged(sent) : sent
        run.schedule.add(batch, sent: merged, mayBeThere: mayBeThere)
      }
    case .failure(let error):
      guard !(error is CancellationError), !run.isStopping else { return }
      // The log's trouble is waited out like the destination's.
      let pause = run.readBackoff.fail(asked: nil, random: .random(in: 0..<1))
      noteReadError("\(error)")
      run.read = number
      let generation = run.generation
      group.addTask {
        _ = await self.wait(pause, generation)
        happened.yield(.readAgain(number))
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
    run.read = nil
    run.schedule.startOver()
    let (pauses, reading) = state.withLock { (Array($0.pauses.values), $0.reading) }
    for pause in pauses { pause.cancel() }
    // It waits behind the old end of what was read.
    reading?.cancel()
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
        guard await wait(backoff.fail(asked: nil, random: .random(in: 0..<1)), generation) else { return left }
      }
    }
    let ended = await settle(
      request.blocks, shard: request.shard, mayBeThere: request.mayBeThere, generation: generation)
    guard ended.isSettled, isWanted(generation) else { return left }
    for letter in ended.refused {
      guard await keep(letter, generation) else { return left }
    }
    return ended
  }

  func isWanted(_ generation: UInt64) -> Bool { source.generation == generation }

  /// One request at the forwarder. An orderly stop does not interrupt it.
  func send(_ delivery: Delivery, isCut: Bool) async -> Answer {
    let start = clock()
    let request = Task { await forwarder.deliver(delivery) }
    let id = state.withLock { state in
      let id = state.takeID()
      state.underWay[id] = request
      if isCut { state.counters.splitRequests += 1 }
      return id
    }
    let answer = await request.value
    let end = clock()
    state.withLock { state in
      state.underWay[id] = nil
      state.counters.requestTime += end - start
    }
    return answer
  }

  /// Waits for the allowance of a request with so many entries, takes it, and says how many bytes were taken; nil when a stop or a moved cursor
  /// came first.
  func mayGo(_ entries: Int, _ generation: UInt64) async -> Double? {
    while true {
      guard isWanted(generation) else { return nil }
      let now = clock()
      let (pause, taken): (Duration?, Double) = state.withLock { state in
        guard !state.isStopping else { return (nil, 0) }
        let expected = Double(entries) * state.size.bytesPerEntry
        let pause = max(
          state.bytes?.pause(for: expected, now: now) ?? .zero, state.requests?.pause(for: 1, now: now) ?? .zero)
        guard pause == .zero else { return (pause, 0) }
        state.bytes?.spend(expected)
        state.requests?.spend(1)
        return (.zero, expected)
      }
      guard let pause else { return nil }
      if pause == .zero { return taken }
      guard await wait(pause, generation) else { return nil }
    }
  }

  /// False when a stop came, or the cursor was moved, before the pause was over.
  func wait(_ pause: Duration, _ generation: UInt64) async -> Bool {
    let sleep = self.sleep
    let pausing = Task { try await sleep(pause) }
    let id = state.withLock { state in
      let id = state.takeID()
      state.pauses[id] = pausing
      return id
    }
    defer { state.withLock { $0.pauses[id] = nil } }
    // A move before this was not told to the pause.
    if !isWanted(generation) { pausing.cancel() }
    return await withTaskCancellationHandler {
      (try? await pausing.value) != nil && !Task.isCancelled
    } onCancel: {
      pausing.cancel()
    }
  }
}
