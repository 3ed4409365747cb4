import Codec
import Synchronization

/// What both servers of a gateway have in common.
final class GatewayShared: Sendable {
  let settings: GatewaySettings
  let senders: SenderDirectory
  let budget: ByteBudget
  let counting = GatewayCounting()
  let health = LogHealth()
  let stopping = StopNotice()
  let tables: TableCache
  let blocks: BlockIntake
  let pushes: PushIntake

  init(_ settings: GatewaySettings, reader: any PushReader, sink: any Sink) {
    self.settings = settings
    budget = ByteBudget(limitBytes: settings.limits.bytesUnderWay)
    senders = SenderDirectory(settings, budget: budget)
    tables = TableCache(limitBytes: settings.limits.tableCacheBytes)
    blocks = BlockIntake(signal: settings.signal, sink: sink, tables: tables, counting: counting, health: health)
    pushes = PushIntake(reader: reader, sink: sink, counting: counting, health: health)
  }

  /// Why nothing should be sent now, in words for everybody; nil when everything works.
  var notReady: String? {
    if stopping.isGiven { return "the gateway is stopping" }
    return health.isFailing() ? "the log does not take what comes" : nil
  }

  func mustNotStop() throws(Refusal) {
    guard !stopping.isGiven else {
      throw Refusal(.unavailable, "the gateway is stopping; it may be sent again in a while", retryAfter: .seconds(5))
    }
  }
}

/// Tells everybody who waits that the gateway stops.
final class StopNotice: Sendable {
  private struct State {
    var isGiven = false
    var next = 0
    var listeners: [Int: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())

  var isGiven: Bool { state.withLock { $0.isGiven } }

  /// How many would be told.
  var listenerCount: Int { state.withLock { $0.listeners.count } }

  func give() {
    let listeners = state.withLock { state in
      state.isGiven = true
      defer { state.listeners = [:] }
      return Array(state.listeners.values)
    }
    for listener in listeners { listener() }
  }

  /// Calls `listener` once, at once when the notice was given already. Returns a number to take it back with.
  func listen(_ listener: @escaping @Sendable () -> Void) -> Int {
    let number: Int? = state.withLock { state in
      guard !state.isGiven else { return nil }
      state.next += 1
      state.listeners[state.next] = listener
      return state.next
    }
    if number == nil { listener() }
    return number ?? 0
  }

  func forget(_ number: Int) { state.withLock { $0.listeners[number] = nil } }
}
