import Codec
import Synchronization

/// One consumer's place in the log. It hands out blocks in order and keeps durably which rows were acknowledged.
///
/// Let go of it (or call `close`) and the name is free for the next holder. One task calls `next`; any may acknowledge.
public final class Cursor: Sendable {
  public let name: String
  private let core: LogCore
  private let holder: UInt64
  /// When the cursor was opened.
  private let opened: (sentBefore: UInt64, generation: UInt64)
  private let thread: SerialThread
  private let reader: LaneReader

  init(core: LogCore, name: String, holder: UInt64, opened: (sentBefore: UInt64, generation: UInt64)) {
    self.opened = opened
    self.core = core
    self.name = name
    self.holder = holder
    // The kernel takes 15 bytes of a thread's name.
    thread = SerialThread("wal-read")
    reader = LaneReader(core: core)
  }

  deinit { close() }

  /// Gives the name back; when it has another holder already, nothing happens.
  public func close() {
    core.state.withLock { state in
      if state.consumers[name]?.holder == holder { state.consumers[name]?.holder = nil }
    }
  }

  /// Everything below is delivered.
  public var position: UInt64 { consumer?.record.delivered.base ?? 0 }

  /// Grows with each reset: rows of an older generation need not be acknowledged, they are wanted again.
  public var generation: UInt64 { consumer?.record.generation ?? 0 }

  /// How many stretches of acknowledged rows lie above the first row that is not; at most 32.
  public var holes: Int { consumer?.record.delivered.holes ?? 0 }

  /// Rows that went by size, age or damage before this consumer had them.
  public var lostRows: UInt64 { consumer.map { $0.record.droppedRows + $0.record.missingRows } ?? 0 }

  /// Whether `next` would have to wait, from the cursor's place or `after` on. A closed log is drained.
  public func isDrained(after: UInt64? = nil) -> Bool {
    core.state.withLock { state in
      guard state.phase == .open, let delivered = state.consumers[name]?.record.delivered else { return true }
      return delivered.firstUndelivered(from: max(after ?? delivered.base, delivered.base, state.oldest)) >= state.end
    }
  }

  private var consumer: Consumer? { core.state.withLock { $0.consumers[name] } }

  /// The next blocks that are not delivered, from the cursor's place or `after` on (an offset: the end of the last block taken, for a
  /// lane that has several under way). Waits until there is one; at least one block, further ones while they fit `limitBytes`.
  ///
  /// Throws `CancellationError` when the task is cancelled, and `LogError` with `.closed` when the log closes. Damaged blocks are set
  /// aside and counted, and passed over.
  public func next(limitBytes: Int = 4 << 20, after: UInt64? = nil) async throws -> [StoredBlock] {
    var after = after
    while true {
      try Task.checkCancellation()
      switch try plan(limitBytes: limitBytes, after: after) {
      case .blocks(let blocks):
        return blocks
      case .read(let job):
        let core = core
        let reader = reader
        let result = try await thread.run { () throws(LogError) in try reader.read(job, limitBytes: limitBytes) }
        switch result {
        case .damagedSegment(let first, let reason):
          try await core.ask { Command.heal(first: first, reason: reason, $0) }
        case .reading(let reading):
          note(reading)
          if !reading.blocks.isEmpty { return reading.blocks }
          // With all holes taken the cursor cannot note that there is nothing here; the next look starts behind it all the same.
          if let passed = (reading.missing + reading.damaged.map(\.offsets)).map(\.upperBound).max() {
            after = max(after ?? 0, passed)
          }
        }
      case .wait(let seen):
        let name = name
        await core.waitForData { state in Seen(state, name) != seen }
      }
    }
  }

  /// Notes rows as delivered; out of order is allowed. On the disk within a second; a crash before that is a repeat.
  ///
  /// False, and nothing noted, when it would leave more than 32 holes, or when `generation` is given and is not the present one.
  @discardableResult
  public func acknowledge(_ offsets: Range<UInt64>, generation: UInt64? = nil) -> Bool {
    core.state.withLock { state in
      guard var consumer = state.consumers[name] else { return false }
      if let generation, generation != consumer.record.generation { return false }
      let upTo = offsets.clamped(to: 0..<max(state.end, offsets.lowerBound))
      guard consumer.record.delivered.insert(upTo) else {
        state.counters.acknowledgementsPastHoles += 1
        return false
      }
      consumer.isDirty = true
      state.consumers[name] = consumer
      return true
    }
  }

  // MARK: - What may have been sent

  /// Rows from `position` up to here may have been sent by an earlier holder, of this process or of one before, that did not hear the
  /// answer; 0 when there are none, and after a reset.
  public var sentBefore: UInt64 {
    guard let record = consumer?.record, record.generation == opened.generation else { return 0 }
    return opened.sentBefore > record.delivered.base ? opened.sentBefore : 0
  }

  /// To be called before rows below `offset` are sent. Returns when the log says durably that they may have been: after a crash they are
  /// below `sentBefore`.
  ///
  /// The durable bound is set ahead of the offset, by at least 4,096 rows and by eight times what is under way, so that the disk is
  /// asked rarely; otherwise it returns at once. `aheadRows` says by how many instead.
  public func markSent(upTo offset: UInt64, aheadRows: UInt64? = nil) async throws(LogError) {
    let ahead: UInt64?? = core.state.withLock { state in
      guard state.phase == .open, var consumer = state.consumers[name], consumer.holder == holder else { return nil }
      if consumer.sentLimit < offset {
        consumer.sentLimit = offset
        state.consumers[name] = consumer
      }
      if consumer.durableSentBound >= offset { return .some(nil) }
      let base = consumer.record.delivered.base
      let underWay = offset > base ? offset - base : 0
      return aheadRows ?? max(4096, underWay > SegmentName.limitOffset / 8 ? SegmentName.limitOffset : underWay * 8)
    }
    guard let ahead else {
      if core.state.withLock({ $0.phase != .open }) { throw core.closedError }
      throw LogError(.misuse, "consumer \(name): the cursor that sends is not its holder any more")
    }
    guard let ahead else { return }
    try await core.ask { Command.markSent(name: name, offset: offset, ahead: ahead, $0) }
  }

  /// Says that everything that was sent has been answered, and acknowledged where it was delivered: for a lane that stops in order. The
  /// mark is gone with the next write of the catalog; closing the log is one.
  public func settleSent() {
    core.state.withLock { state in
      if state.consumers[name]?.holder == holder { state.consumers[name]?.settleSent() }
    }
  }

  // MARK: - Where the next blocks are

  private enum Plan {
    case blocks([StoredBlock])
    case read(LaneReader.Job)
    case wait(Seen)
  }

  /// What a cursor that waits has seen; when any of it has changed it looks again.
  private struct Seen: Equatable {
    let end: UInt64
    let generation: UInt64
    /// While the writer opens the active segment again there is nothing to read from.
    let isReadable: Bool

    init(_ state: borrowing LogState, _ name: String) {
      end = state.end
      generation = state.consumers[name]?.record.generation ?? 0
      isReadable = state.active != nil
    }
  }

  private func plan(limitBytes: Int, after: UInt64?) throws(LogError) -> Plan {
    let plan: Plan? = core.state.withLock { state -> Plan? in
      guard state.phase == .open else { return nil }
      guard let delivered = state.consumers[name]?.record.delivered else { return nil }
      let from = delivered.firstUndelivered(from: max(after ?? delivered.base, delivered.base, state.oldest))
      guard from < state.end else { return .wait(Seen(state, name)) }
      if let blocks = state.head.blocks(from: from, notIn: delivered, limitBytes: limitBytes) {
        return blocks.isEmpty ? .wait(Seen(state, name)) : .blocks(blocks)
      }
      guard let index = state.segment(holding: from) else { return .wait(Seen(state, name)) }
      let info = state.segments[index]
      let isActive = index == state.segments.count - 1
      // The offsets up to the next segment are this one's, whether it has rows there or not.
      let end = isActive ? state.end : state.segments[index + 1].first
      if isActive, state.active == nil { return .wait(Seen(state, name)) }
      return .read(
        LaneReader.Job(
          first: info.first, active: isActive ? state.active : nil, from: from, end: end, delivered: delivered,
          isVerified: state.verified.contains(info.first)))
    }
    guard let plan else { throw core.closedError }
    return plan
  }

  /// What the reading found besides blocks: rows that are not there are passed over and counted, damaged records set aside.
  private func note(_ reading: SegmentReader.Reading) {
    guard !reading.missing.isEmpty || !reading.damaged.isEmpty else { return }
    core.state.withLock { state in
      guard var consumer = state.consumers[name] else { return }
      for range in reading.missing + reading.damaged.map(\.offsets) where !range.isEmpty {
        let rows = consumer.record.delivered.undelivered(in: range)
        // Past the limit of holes they are passed over again after a restart, and counted again.
        guard rows > 0, consumer.record.delivered.insert(range) else { continue }
        consumer.record.missingRows += rows
      }
      consumer.isDirty = true
      state.consumers[name] = consumer
    }
    for damaged in reading.damaged { _ = core.submit(.setAside(damaged), isUrgent: true) }
  }
}
