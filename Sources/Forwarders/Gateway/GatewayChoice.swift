/// Which of several gateways is talked to. A value; time comes from outside.
///
/// Each sender has an order of its own (rendezvous hashing of its name with each address), so that many senders spread evenly, and those of a gateway that is
/// gone spread over all others. It stays with a gateway that works. One that cannot be reached makes room for the next at once. What was sent and not
/// acknowledged goes to the same gateway again, which can tell that it has it, and to the next one only after `failoverAfter`; so does what a gateway
/// does not take. From another gateway it goes back to its first choice when nothing is open, after five minutes at the earliest.
struct GatewayChoice: Sendable {
  typealias Time = ContinuousClock.Instant

  enum Event: Sendable {
    /// The gateway accepted a connection.
    case reached
    /// Everything of a delivery has an end.
    case settled
    /// No connection, or it failed before anything was sent.
    case unreachable
    /// Something was sent and is not acknowledged.
    case inDoubt
    /// The gateway says "later".
    case declined
  }

  static let returnAfter = Duration.seconds(300)

  private let identity: String
  private let failoverAfter: Duration
  /// The first is the preferred one.
  private(set) var order: [GatewayPlace] = []
  private var current = 0
  /// The first choice is being tried again, in place of `current`.
  private(set) var isReturning = false
  /// Since when the current one has left something open.
  private var openSince: Time?
  /// When another one was chosen last, or the first choice tried.
  private var movedAt: Time?

  init(identity: String, failoverAfter: Duration) {
    self.identity = identity
    self.failoverAfter = failoverAfter
  }

  /// Takes the gateways that there are. The current one stays the current one while it is among them.
  mutating func update(_ places: [GatewayPlace], now: Time) {
    var ordered = Self.order(places, for: identity)
    let before = order.isEmpty ? nil : order[current]
    // A name may leave out an address for a while. The one that has left something open is given up only after its time.
    if let before, let since = openSince, now - since < failoverAfter, !ordered.contains(before) {
      ordered.append(before)
    }
    guard ordered != order else { return }
    order = ordered
    isReturning = false
    if let before, let index = ordered.firstIndex(of: before) {
      current = index
      // One that it prefers has come, perhaps back.
      if index != 0, movedAt == nil { movedAt = now }
    } else {
      current = 0
      openSince = nil
    }
  }

  /// Whom to talk to at this time; nil when there is nobody.
  mutating func place(now: Time) -> GatewayPlace? {
    guard !order.isEmpty else { return nil }
    if let since = openSince, now - since >= failoverAfter { moveOn(now) }
    if !isReturning, current != 0, openSince == nil, let movedAt, now - movedAt >= Self.returnAfter {
      isReturning = true
      self.movedAt = now
    }
    return order[isReturning ? 0 : current]
  }

  /// What came of talking to `place`.
  mutating func note(_ event: Event, now: Time) {
    switch event {
    case .reached: arrive()
    case .settled:
      arrive()
      openSince = nil
    case .inDoubt, .declined:
      arrive()
      openSince = openSince ?? now
    case .unreachable:
      if isReturning {
        isReturning = false
      } else if openSince == nil {
        moveOn(now)
      }
    }
  }

  private mutating func arrive() {
    guard isReturning else { return }
    isReturning = false
    current = 0
  }

  private mutating func moveOn(_ now: Time) {
    openSince = nil
    guard order.count > 1 else { return }
    current = (current + 1) % order.count
    movedAt = now
  }

  /// The places in the order in which this sender prefers them; the same for the same places and name, everywhere.
  static func order(_ places: [GatewayPlace], for identity: String) -> [GatewayPlace] {
    Set(places).map { (score: score($0, identity), place: $0) }
      .sorted { $0.score != $1.score ? $0.score > $1.score : $0.place.text < $1.place.text }.map(\.place)
  }

  /// FNV-1a, and the last step of splitmix64, without which texts that end alike would have like scores.
  private static func score(_ place: GatewayPlace, _ identity: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in Array(identity.utf8) + [0] + Array(place.text.utf8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
    hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
    return hash ^ (hash >> 31)
  }
}
