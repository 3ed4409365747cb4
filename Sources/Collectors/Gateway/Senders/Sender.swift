import Model
import Synchronization

/// Whoever sent a request, as far as the gateway knows.
struct Sender: Sendable {
  /// Of the credentials, or the remote address.
  let name: String
  /// Set by the credentials: nothing else can say otherwise.
  let tenant: Tenant?
  let limits: SenderLimits
  let record: SenderRecord

  /// Whose rows a pushed request brings. `asked`: what the request says itself.
  func tenant(asked: String?) throws(Refusal) -> Tenant {
    if let tenant { return tenant }
    let asked = asked ?? ""
    guard let tenant = Tenant(asked) else {
      throw Refusal(
        .invalid,
        "X-Scope-OrgID: \(asked.utf8.count) bytes, at most \(Tenant.limitBytes); sending it again does not help")
    }
    // By which the databases that know this header name several, to read from; no rows are several tenants'.
    guard !asked.utf8.contains(UInt8(ascii: "|")) else {
      throw Refusal(
        .invalid, "X-Scope-OrgID: names several tenants with “|”, one is allowed; sending it again does not help")
    }
    return tenant
  }
}

/// What a sender has sent, and may send now.
final class SenderRecord: Sendable {
  struct Figures: Sendable, Equatable {
    var requests: UInt64 = 0
    var rows: UInt64 = 0
    var entries: UInt64 = 0
    var bytes: UInt64 = 0
    var errors: UInt64 = 0
    var lastError: String?
    var lastSeen: ContinuousClock.Instant
  }

  private struct State {
    var figures: Figures
    var entries: RateLimit?
    var bytes: RateLimit?
  }

  let name: String
  private let state: Mutex<State>

  /// Of the bytes of all requests under way.
  let share: ByteBudget

  init(name: String, limits: SenderLimits, share: ByteBudget, now: ContinuousClock.Instant) {
    self.name = name
    self.share = share
    state = Mutex(
      State(
        figures: Figures(lastSeen: now),
        entries: limits.entriesPerSecond.map { RateLimit(perSecond: $0, now: now) },
        bytes: limits.bytesPerSecond.map { RateLimit(perSecond: $0, now: now) }))
  }

  var figures: Figures { state.withLock { $0.figures } }

  /// Before a body is read, whose length nobody knows: throws while what came before has to be waited out.
  func admitBody(now: ContinuousClock.Instant = .now) throws(Refusal) {
    let pause = state.withLock { state in
      state.figures.lastSeen = now
      state.figures.requests += 1
      return state.bytes?.pause(for: 1, now: now) ?? .zero
    }
    if pause > .zero { throw tooMuch("bytes", pause) }
  }

  /// After a body came.
  func spend(bytes: Int) {
    state.withLock { state in
      state.bytes?.spend(Double(bytes))
      state.figures.bytes += UInt64(bytes)
    }
  }

  /// Before entries are stored: nil when they may be, and then they are spent; otherwise how long until they may.
  func take(entries: Int, now: ContinuousClock.Instant = .now) -> Duration? {
    state.withLock { state in
      let pause = state.entries?.pause(for: Double(entries), now: now) ?? .zero
      if pause > .zero { return pause }
      state.entries?.spend(Double(entries))
      return nil
    }
  }

  func stored(rows: Int, entries: Int) {
    state.withLock { state in
      state.figures.rows += UInt64(rows)
      state.figures.entries += UInt64(entries)
    }
  }

  func failed(_ reason: String) {
    state.withLock { state in
      state.figures.errors += 1
      state.figures.lastError = String(reason.prefix(300))
    }
  }

  func tooMuch(_ what: String, _ pause: Duration) -> Refusal {
    Refusal(
      .tooMuch, "\(name) sends more \(what) a second than it may; it may be sent again in \(pause)", retryAfter: pause)
  }
}
