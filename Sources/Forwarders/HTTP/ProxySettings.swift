/// Which requests go through which proxy.
///
/// Source: golang.org/x/net/http/httpproxy, and prometheus/common, config/http_config.go (ProxyConfig).
public struct ProxySettings: Sendable, Hashable {
  /// A proxy that is spoken to over plain HTTP.
  public struct Server: Sendable, Hashable {
    public var host: String
    public var port: Int
    public var username: String?
    public var password: Secret?

    public init(host: String, port: Int, username: String? = nil, password: Secret? = nil) {
      self.host = host
      self.port = port
      self.username = username
      self.password = password
    }
  }

  /// For requests over plain HTTP; they are sent to it whole.
  public var http: Server?
  /// For requests over TLS; it connects to the server (CONNECT).
  public var https: Server?
  /// Requests that go past the proxy.
  public var exceptions: ProxyExceptions
  /// Requests to this machine go past it, too: so where there are exceptions or the environment names the proxy, as in Prometheus.
  public var skipsLoopback: Bool
  /// Sent with CONNECT, to the proxy alone.
  public var connectHeaders: [HTTPHeaderSetting] = []

  public init(
    http: Server?, https: Server?, exceptions: ProxyExceptions = .init(""), skipsLoopback: Bool = false
  ) {
    self.http = http
    self.https = https
    self.exceptions = exceptions
    self.skipsLoopback = skipsLoopback
  }

  /// The proxy for a request to this server, or nil. `host` without brackets.
  func server(isTLS: Bool, host: String, port: Int) -> Server? {
    if skipsLoopback, ProxyExceptions.isLoopback(host) { return nil }
    return exceptions.contains(host: host, port: port) ? nil : isTLS ? https : http
  }
}
