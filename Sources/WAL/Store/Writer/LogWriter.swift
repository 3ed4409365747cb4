import Codec
import Model

/// The one thread that writes: it owns the active segment's and the catalog's write transactions, numbers and seals rows, rolls,
/// and removes what is done with.
///
/// LMDB wants a write transaction on one thread, and one owner makes the order of everything plain.
// Sendable because after `start` only the writer's thread uses it.
final class LogWriter: @unchecked Sendable {
  struct Numbering {
    var origin: Origin
    var next: UInt64
  }

  let core: LogCore
  /// Nil once the log is shut, like the catalog.
  private var lock: LogLock?
  private(set) var openCatalog: Catalog?
  var active: Segment?
  var sealer: BlockSealer
  /// Made anew for each tenant and signal when they are first seen after an opening.
  var numbering: [SegmentTotals.TenantSignal: Numbering] = [:]
  var received: ReceivedRows
  /// Of those, what the catalog may not have durably, or not as it is.
  var unsavedOrigins: Set<ReceivedKey>
  /// Of those, what has changed since the catalog got a copy.
  var changedOrigins: Set<ReceivedKey> = []
  /// Forgotten, and maybe in the catalog still.
  var forgottenOrigins: Set<ReceivedKey> = []
  /// Tables that the active segment holds.
  var activeTables: Set<TableName>
  /// Tables that came from other logs lately, so that their blocks can be stored in a new segment, too.
  var tableCache = SegmentReader.TableCache()
  /// The active segment's totals are written although it is still active, because a roll failed half way.
  var isSealMarked = false
  /// Appends that nobody waits for and that found no room; tried again at each tick.
  var held: [PendingAppend] = []
  var forgotten: [String] = []
  /// Blocks whose bytes are in the quarantine already.
  var setAsideOffsets: Set<UInt64> = []
  var changedTotals: [UInt64: SegmentTotals] = [:]
  var goneSegments: [UInt64] = []
  /// Sealed segments without page checksums.
  var withoutSums: [UInt64]
  /// Of those, the ones that this process has written itself.
  var sealedHere: Set<UInt64> = []
  var nextTick: UInt64 = 0
  var lastTick: Int64
  var lastSlowTick: UInt64 = 0

  var configuration: LogConfiguration { core.configuration }

  func catalog() throws(LogError) -> Catalog {
    guard let openCatalog else { throw core.closedError }
    return openCatalog
  }

  /// Closes every file and gives the lock back: whoever is told that the log is closed may open it again at once.
  func closeFiles() {
    OpenLogs.remove(configuration.directory)
    core.state.withLock { $0.active = nil }
    // A dead letter that is being written gets its name while the directory is still ours.
    core.letterFiles.withLock { _ in }
    // A lane that is reading lets go within milliseconds.
    for _ in 0..<400 where active != nil && !isKnownUniquelyReferenced(&active) { sleepMilliseconds(5) }
    for _ in 0..<400 where openCatalog != nil && !isKnownUniquelyReferenced(&openCatalog) { sleepMilliseconds(5) }
    active = nil
    openCatalog = nil
    lock = nil
  }

  init(
    core: LogCore, lock: consuming LogLock, catalog: Catalog, active: Segment, received: ReceivedRows,
    unsavedOrigins: Set<ReceivedKey>, withoutSums: [UInt64]
  ) throws(LogError) {
    self.core = core
    self.lock = .some(lock)
    openCatalog = catalog
    self.active = active
    self.received = received
    self.unsavedOrigins = unsavedOrigins
    changedOrigins = unsavedOrigins
    self.withoutSums = withoutSums
    activeTables = try active.tableNames()
    lastTick = core.now
    do throws(FormatError) {
      sealer = try BlockSealer(level: core.configuration.compressionLevel)
    } catch {
      throw LogError(.storage(code: 12), "zstd: \(error)")
    }
  }

  func start() throws(LogError) { try NamedThread.start("wal-writer") { self.run() } }

  // MARK: - The loop

  private func run() {
    nextTick = Monotonic.now
    while true {
      if process(takeWork()) { return }
      if Monotonic.now >= nextTick {
        tick()
        let interval = UInt64(max(1, min(1000, configuration.commitInterval.milliseconds))) * 1_000_000
        nextTick = Monotonic.now + interval
      }
    }
  }

  /// Sleeps until there is something to commit or the next tick is due.
  private func takeWork() -> [Command] {
    let interval = UInt64(max(0, configuration.commitInterval.milliseconds)) * 1_000_000
    while true {
      let now = Monotonic.now
      let (taken, deadline) = core.state.withLock { state -> ([Command]?, UInt64) in
        let due = state.oldestUnwaited.map { $0 + interval }
        let isMuch = state.waitingBytes >= LogConfiguration.waitingBytes / 2
        if state.isUrgent || (isMuch && !state.commands.isEmpty) || (due.map { $0 <= now } ?? false) {
          defer {
            state.commands = []
            state.isUrgent = false
            state.oldestUnwaited = nil
          }
          return (state.commands, now)
        }
        return (nil, min(due ?? .max, nextTick))
      }
      if let taken { return taken }
      if deadline <= now { return [] }
      core.wakeup.wait(until: deadline)
    }
  }

  /// Carries out commands in order, data in groups; true when the thread is to end.
  private func process(_ commands: [Command]) -> Bool {
    var group: [Command] = []
    func commitGroup() {
      guard !group.isEmpty || !held.isEmpty else { return }
      commit(group)
      group = []
    }
    for (index, command) in commands.enumerated() {
      switch command {
      case .append, .receive:
        group.append(command)
      case .close(let reply):
        core.state.withLock { $0.phase = .closing }
        commitGroup()
        finish(reply, leaving: commands[(index + 1)...])
        return true
      case .abandon(let reply):
        core.state.withLock { $0.phase = .closing }
        abandon(reply, leaving: group + commands[(index + 1)...])
        return true
      default:
        commitGroup()
        control(command)
      }
    }
    if !group.isEmpty { commitGroup() }
    return false
  }

  private func control(_ command: Command) {
    switch command {
    case .flush(let reply):
      if held.isEmpty {
        reply.give(())
      } else {
        reply.fail(LogError(.storage(code: 28), "\(configuration.directory): \(held.count) batches find no room"))
      }
    case .createConsumer(let name, let base, let reply):
      answer(reply) { () throws(LogError) in
        try createConsumer(name, base: base)
      }
    case .resetConsumer(let name, let base, let reply):
      answer(reply) { () throws(LogError) in
        try resetConsumer(name, base: base)
      }
    case .forgetConsumer(let name, let reply): answer(reply) { () throws(LogError) in try forgetConsumer(name) }
    case .markSent(let name, let offset, let ahead, let reply):
      answer(reply) { () throws(LogError) in
        try markSent(name, upTo: offset, ahead: ahead)
      }
    case .makeRoom(let bytes, let reply): reply.give(makeRoom(forLetter: bytes))
    case .heal(let first, let reason, let reply):
      answer(reply) { () throws(LogError) in
        try heal(first, reason: reason)
      }
    case .setAside(let damaged): setAside(damaged)
    case .roll(let reply): answer(reply) { () throws(LogError) in try rollIfNotEmpty() }
    case .requestedReset(let name, let found, let id): answerReset(name, found, id)
    case .append, .receive, .close, .abandon: break
    }
  }

  private func answer(_ reply: Reply<Void>, _ body: () throws(LogError) -> Void) {
    do throws(LogError) {
      try body()
      reply.give(())
    } catch {
      reply.fail(error)
    }
  }

  /// Notes what the writer works around, for the status page; an empty text says that all is well.
  func note(trouble: String) { core.state.withLock { $0.trouble = trouble } }

  func count(_ change: @Sendable (inout LogCounters) -> Void) { core.state.withLock { change(&$0.counters) } }
}
