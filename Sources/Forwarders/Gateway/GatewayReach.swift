import HTTP
import Model

/// Keeps the way to a gateway: which one it is now, and the connection to it.
actor GatewayReach {
  static let lookupInterval = Duration.seconds(30)
  /// The first choice is tried with everything waiting, so not for long.
  private static let returnTimeout = Duration.seconds(2)

  private let configuration: GatewayConfiguration
  private let dialer: ServerDialer
  private let now: @Sendable () -> ContinuousClock.Instant
  private let lookUp: @Sendable (String) async throws(HTTPError) -> [String]
  private var choice: GatewayChoice
  private var lookedUpAt: ContinuousClock.Instant?
  private var lookups: [GatewayAddress: [String]] = [:]
  private var link: GatewayLink?

  init(
    _ configuration: GatewayConfiguration, _ dialer: ServerDialer,
    now: @escaping @Sendable () -> ContinuousClock.Instant,
    lookUp: @escaping @Sendable (String) async throws(HTTPError) -> [String]
  ) {
    self.configuration = configuration
    self.dialer = dialer
    self.now = now
    self.lookUp = lookUp
    choice = GatewayChoice(identity: configuration.identity, failoverAfter: configuration.failoverAfter)
  }

  /// Whom to talk to. Throws when no gateway is known: no name could be looked up.
  func place() async throws(HTTPError) -> GatewayPlace {
    try await refresh()
    guard let place = choice.place(now: now()) else {
      throw HTTPError(.nameNotFound, "no gateway is known: the names of the addresses have no address")
    }
    return place
  }

  /// A connection to the gateway to talk to: the one that is there, or a new one. Each call tries one gateway, and the first choice on top when it is time.
  func connected() async throws(HTTPError) -> GatewayLink {
    var place = try await self.place()
    let headers = try dialer.headers().map { GatewayLink.Header(name: $0.name, value: $0.value) }
    if choice.isReturning {
      do throws(HTTPError) {
        return try await open(place, headers, timeout: Self.returnTimeout)
      } catch {
        place = try await self.place()
      }
    }
    if let link, link.place == place, link.isOpen, link.headers == headers { return link }
    return try await open(place, headers)
  }

  private func open(
    _ place: GatewayPlace, _ headers: [GatewayLink.Header], timeout: Duration? = nil
  ) async throws(HTTPError) -> GatewayLink {
    do throws(HTTPError) {
      let opened = try await GatewayLink.open(
        to: place, by: dialer, headers: headers, configuration, timeout: timeout)
      let before = link
      link = opened
      choice.note(.reached, now: now())
      await before?.close()
      return opened
    } catch {
      if error.kind != .cancelled { note(.unreachable) }
      throw error
    }
  }

  func note(_ event: GatewayChoice.Event) {
    choice.note(event, now: now())
    // Perhaps the name leads elsewhere by now.
    if event == .unreachable { lookedUpAt = nil }
  }

  func drop() async {
    let before = link
    link = nil
    await before?.close()
  }

  nonisolated func hide(_ words: String) -> String { dialer.hide(words) }

  /// Looks the names up when it is time. Addresses that were known stay known while nobody can be asked.
  private func refresh() async throws(HTTPError) {
    let time = now()
    if let lookedUpAt, time - lookedUpAt < Self.lookupInterval { return }
    var places: [GatewayPlace] = []
    var failure: HTTPError?
    for address in configuration.addresses {
      switch address {
      case .server(let host, let port): places.append(GatewayPlace(host: host, port: port))
      case .dns(let host, let port):
        do throws(HTTPError) {
          lookups[address] = try await lookUp(host)
        } catch {
          failure = error
        }
        places += (lookups[address] ?? []).map { GatewayPlace(host: $0, port: port, name: host) }
      }
    }
    if places.isEmpty, let failure { throw failure }
    lookedUpAt = time
    choice.update(places)
  }
}
