import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// The way from here to a server. Requests with the same route share a client of the library.
struct Route: Sendable, Hashable {
  /// Nil connects directly.
  var proxy: ProxySettings.Server?
  /// Through a tunnel of the proxy; otherwise the proxy is sent the request itself.
  var isTunnel = false
  /// The host that is connected to while TLS asks for the configured name; nil asks for the URL's host.
  var pinnedHost: String?

  /// The configured name stands for the servers of the configuration; one that a redirect leads to and that `isTrusted` no more is asked for
  /// its own.
  init(to url: RequestURL, _ configuration: HTTPConfiguration, isTrusted: Bool) {
    proxy = configuration.proxy?.server(isTLS: url.isTLS, host: url.host, port: url.port)
    isTunnel = proxy != nil && url.isTLS
    if url.isTLS, isTrusted, let name = configuration.tls.serverName, name != url.host { pinnedHost = url.host }
  }
}

/// The library's clients that use one set of certificates. They end when nobody holds the set any more, so that new certificates do not
/// cut off requests that were made with the old ones; one alone ends when its last connection must have gone for lack of use.
final class ClientSet: Sendable {
  private struct Entry {
    let client: HTTPClient
    var users = 1
    /// The end of the last use.
    var lastUse: ContinuousClock.Instant
  }

  private struct State {
    var entries: [Route: Entry] = [:]
    var isClosed = false

    mutating func use(_ route: Route) throws(HTTPError) -> HTTPClient? {
      guard !isClosed else { throw HTTPError(.other, "the client is closed") }
      entries[route]?.users += 1
      return entries[route]?.client
    }

    /// Takes out what nobody has used since then.
    mutating func removeUnused(since time: ContinuousClock.Instant) -> [HTTPClient] {
      let unused = entries.filter { $0.value.users == 0 && $0.value.lastUse <= time }
      for route in unused.keys { entries[route] = nil }
      return unused.values.map(\.client)
    }
  }

  /// Connections to a proxy that is sent the requests themselves: those for all servers, of which slow ones must not hold up the others.
  private static let proxyConnectionLimit = 4096

  let certificates: ClientCertificates
  private let configuration: HTTPConfiguration
  private let headers: RequestHeaders
  private let state = Mutex(State())

  init(_ configuration: HTTPConfiguration, _ certificates: ClientCertificates, _ headers: RequestHeaders) {
    self.configuration = configuration
    self.certificates = certificates
    self.headers = headers
  }

  deinit {
    // The library traps on a client that is dropped open; after `close` there is none.
    for entry in state.withLock({ $0.entries.values }) { entry.client.shutdown { _ in } }
  }

  /// How many clients there are.
  var count: Int { state.withLock { $0.entries.count } }

  /// Gives `use` the route's client, for as long as it runs. Throws what it throws, when the certificates cannot be read, and after `close`.
  func withClient<R>(for route: Route, _ use: (HTTPClient) async throws -> R) async throws -> R {
    let client = try client(for: route)
    defer {
      state.withLock { state in
        state.entries[route]?.users -= 1
        state.entries[route]?.lastUse = .now
      }
    }
    return try await use(client)
  }

  /// From now on it is in use once more.
  private func client(for route: Route) throws(HTTPError) -> HTTPClient {
    let known = try state.withLock { state throws(HTTPError) in try state.use(route) }
    if let known { return known }
    let settings = try settings(for: route)
    let now = ContinuousClock.now
    let (client, unused) = try state.withLock { state throws(HTTPError) -> (HTTPClient, [HTTPClient]) in
      if let client = try state.use(route) { return (client, []) }
      let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
      let unused = state.removeUnused(since: now - configuration.idleTimeout)
      state.entries[route] = Entry(client: client, lastUse: now)
      return (client, unused)
    }
    for client in unused { client.shutdown { _ in } }
    return client
  }

  /// Ends all connections. Requests that run end with an error.
  func close() async {
    let clients = state.withLock { state in
      state.isClosed = true
      defer { state.entries = [:] }
      return state.entries.values.map(\.client)
    }
    // It fails only for one that was closed before.
    for client in clients { try? await client.shutdown() }
  }

  private func settings(for route: Route) throws(HTTPError) -> HTTPClient.Configuration {
    var settings = HTTPClient.Configuration()
    settings.timeout.connect = TimeAmount(configuration.connectTimeout)
    settings.connectionPool.idleTimeout = TimeAmount(configuration.idleTimeout)
    let isProxied = route.proxy != nil && !route.isTunnel
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
      isProxied ? Self.proxyConnectionLimit : configuration.concurrentRequestsPerHost
    // The caller decides about trying again; here it would turn "refused" into a slow timeout.
    settings.connectionPool.retryConnectionEstablishment = false
    // Followed by the session, which knows what may go to another host.
    settings.redirectConfiguration = .disallow
    // Bodies are decoded by the session, where the limit is kept exactly.
    settings.decompression = .disabled
    settings.httpVersion = configuration.http2 ? .automatic : .http1Only
    settings.http1_1ConnectionDebugInitializer = ReceiveBuffers.limit
    settings.http2ConnectionDebugInitializer = ReceiveBuffers.limit
    settings.tlsConfiguration = try certificates.configuration()
    if let name = configuration.tls.serverName, let host = route.pinnedHost { settings.dnsOverride = [name: host] }
    if let proxy = route.proxy {
      if route.isTunnel {
        var tunnel = HTTPClient.Configuration.Proxy.server(host: proxy.host, port: proxy.port)
        if let username = proxy.username {
          let value = try headers.basic(.text(username), proxy.password).dropFirst("Basic ".count)
          tunnel.authorization = .basic(credentials: String(value))
        }
        var connectHeaders = HTTPHeaders()
        try headers.add(configuration.proxy?.connectHeaders ?? [], to: &connectHeaders, withSecrets: true)
        tunnel.connectHeaders = connectHeaders
        settings.proxy = tunnel
      } else {
        settings.http1_1ConnectionDebugInitializer = { channel in
          ReceiveBuffers.limit(channel).flatMap { AbsoluteForm.install(channel) }
        }
      }
    }
    return settings
  }
}

extension TimeAmount {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    self = .nanoseconds(overflow ? .max : nanoseconds.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue)
  }
}
