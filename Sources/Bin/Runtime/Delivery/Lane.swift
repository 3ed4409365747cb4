import Codec
import Logging
import Model
import Synchronization

/// Moves one forwarder's blocks from the log to their destination: one request in flight, in order, none acknowledged before the
/// destination has it. The only place where anything is tried again.
final class Lane: Sendable {
  let name: String
  private let source: any BlockSource
  let forwarder: any Forwarder
  private let limits: LaneDecision.Limits
  private let logger: Logger
  private let wallClock: @Sendable () -> UnixMilliseconds
  private let sleep: @Sendable (Duration) async throws -> Void
  private let state = Mutex(LaneCounters())

  init(
    name: String, source: any BlockSource, forwarder: any Forwarder, limits: LaneDecision.Limits = .init(),
    logger: Logger, wallClock: @escaping @Sendable () -> UnixMilliseconds = WallClock.now,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.name = name
    self.source = source
    self.forwarder = forwarder
    self.limits = limits
    self.logger = logger
    self.wallClock = wallClock
    self.sleep = sleep
  }

  var counters: LaneCounters { state.withLock { $0 } }

  /// Delivers until the task is cancelled, then lets the forwarder close. What is not acknowledged by then comes again after the
  /// next start.
  func run() async {
    var decision = LaneDecision(limits: limits)
    var pending: [QueuedBlock] = []
    var generation = source.generation
    while !Task.isCancelled {
      do {
        if pending.isEmpty { pending = try await source.next(limitBytes: limits.requestBytes) }
        if source.generation != generation {
          // The cursor was moved while these blocks waited.
          generation = source.generation
          decision.startOver()
          pending = []
          continue
        }
        let request = Lane.request(of: pending, blockLimit: decision.blockLimit)
        guard !request.isEmpty else { continue }
        let outcome = await deliver(request, generation: generation)
        let action = decision.answer(outcome, blocks: request.count, random: .random(in: 0..<1))
        note(outcome, request, decision)
        switch action {
        case .acknowledge:
          for block in request { source.acknowledge(block.offsets, generation: generation) }
          pending.removeFirst(request.count)
          if pending.isEmpty { state.withLock { $0.oldestWaiting = nil } }
        case .again(let pause): try await sleep(pause)
        case .halve: continue
        }
      } catch is CancellationError {
        break
      } catch {
        // The log's trouble is waited out like the destination's, by the same rule.
        let outcome = Outcome.retry(reason: "reading the log: \(error)", after: nil)
        let action = decision.answer(outcome, blocks: 0, random: .random(in: 0..<1))
        note(outcome, [], decision)
        guard case .again(let pause) = action, (try? await sleep(pause)) != nil else { break }
      }
    }
    await forwarder.close()
  }

  /// The longest run from the front that one request may hold: one tenant, one signal.
  static func request(of pending: [QueuedBlock], blockLimit: Int?) -> [QueuedBlock] {
    guard let first = pending.first?.block.block.header else { return [] }
    return Array(
      pending.prefix(blockLimit ?? .max).prefix {
        $0.block.block.header.tenant == first.tenant && $0.block.block.header.signal == first.signal
      })
  }

  private func deliver(_ request: [QueuedBlock], generation: UInt64) async -> Outcome {
    let oldest = request.first?.block.block.header.oldestTime
    state.withLock { $0.oldestWaiting = oldest }
    let start = ContinuousClock.now
    let outcome = await forwarder.deliver(Delivery(blocks: request.map(\.block), generation: generation)).outcome
    state.withLock { $0.requestTime += ContinuousClock.now - start }
    return outcome
  }

  /// Without blocks it is about reading the log.
  private func note(_ outcome: Outcome, _ request: [QueuedBlock], _ decision: LaneDecision) {
    let now = wallClock()
    let alarm = decision.alarm.map { "\($0)" }
    let (before, after) = state.withLock { counters in
      let before = counters
      if request.isEmpty {
        counters.readErrors += 1
      } else {
        counters.requests[.init(outcome), default: 0] += 1
      }
      counters.failuresInARow = decision.failuresInARow
      counters.alarm = alarm
      switch outcome {
      case .delivered, .alreadyThere:
        counters.deliveredBlocks += request.count
        counters.deliveredRows += request.reduce(0) { $0 + $1.offsets.count }
        counters.deliveredBytes += request.reduce(0) { $0 + $1.block.block.bytes.count }
        counters.lastDeliveryAt = now
      case .retry(let reason, _), .tooLarge(let reason), .misconfigured(let reason), .refused(let reason),
        .conflict(let reason):
        counters.lastError = reason
        counters.lastErrorAt = now
      }
      return (before, counters)
    }
    log(from: before, to: after)
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

extension LaneDecision.Alarm: CustomStringConvertible {
  var description: String {
    switch self {
    case .misconfigured(let reason): "the destination does not let us in: \(reason)"
    case .refused(let reason): "the destination refuses the data, which stays in the log: \(reason)"
    }
  }
}

extension BlockHeader {
  /// Of the oldest sample or entry.
  public var oldestTime: UnixMilliseconds {
    UnixMilliseconds(signal == .logs ? times.lowerBound / 1_000_000 : times.lowerBound)
  }
}
