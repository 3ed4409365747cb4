/// How a client connects. One client has one configuration; proxies, authentication and TLS settings belong here, too.
public struct HTTPConfiguration: Sendable, Equatable {
  /// For the connection alone; a request's own timeout covers it as well.
  public var connectTimeout: Duration = .seconds(10)
  /// How long a connection without a request stays open. Longer than the usual scrape interval, so that scrapes reuse theirs.
  public var idleTimeout: Duration = .seconds(300)
  /// Connections to one host that are kept for reuse.
  public var keptConnectionsPerHost = 8
  /// Redirects that are followed; 0 gives back the redirect itself.
  public var redirectLimit = 10

  public init() {}
}
