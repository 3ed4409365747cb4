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

  init(to url: RequestURL, _ configuration: HTTPConfiguration) {
    proxy = configuration.proxy?.server(isTLS: url.isTLS, host: url.host, port: url.port)
    isTunnel = proxy != nil && url.isTLS
    if url.isTLS, let name = configuration.tls.serverName, name != url.host { pinnedHost = url.host }
  }
}

/// The library's clients that use one set of certificates. They end when nobody holds the set any more, so that new certificates do not
/// cut off requests that were made with the old ones.
final class ClientSet: Sendable {
  private struct State {
    var clients: [Route: HTTPClient] = [:]
    var isClosed = false
  }

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
    for client in state.withLock({ $0.clients.values }) { client.shutdown { _ in } }
  }

  /// Throws when the certificates cannot be read, or after `close`.
  func client(for route: Route) throws(HTTPError) -> HTTPClient {
    if let client = try known(route) { return client }
    let settings = try settings(for: route)
    return try state.withLock { state throws(HTTPError) -> HTTPClient in
      guard !state.isClosed else { throw Self.closed }
      if let client = state.clients[route] { return client }
      let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
      state.clients[route] = client
      return client
    }
  }

  private func known(_ route: Route) throws(HTTPError) -> HTTPClient? {
    try state.withLock { state throws(HTTPError) -> HTTPClient? in
      guard !state.isClosed else { throw Self.closed }
      return state.clients[route]
    }
  }

  private static let closed = HTTPError(.other, "the client is closed")

  /// Ends all connections. Requests that run end with an error.
  func close() async {
    let clients = state.withLock { state in
      state.isClosed = true
      defer { state.clients = [:] }
      return Array(state.clients.values)
    }
    // It fails only for one that was closed before.
    for client in clients { try? await client.shutdown() }
  }

  private func settings(for route: Route) throws(HTTPError) -> HTTPClient.Configuration {
    var settings = HTTPClient.Configuration()
    settings.timeout.connect = TimeAmount(configuration.connectTimeout)
    settings.connectionPool.idleTimeout = TimeAmount(configuration.idleTimeout)
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.keptConnectionsPerHost
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
        // All servers' requests share the connections to the proxy.
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(
          configuration.keptConnectionsPerHost, 64)
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
