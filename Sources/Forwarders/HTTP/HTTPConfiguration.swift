/// How a client talks to its servers: one for scraping, discovery and delivery. Validated: what contradicts itself is refused where it is read.
///
/// Source of the settings' meaning: prometheus/common, config/http_config.go (HTTPClientConfig).
public struct HTTPConfiguration: Sendable, Hashable {
  /// For the connection alone; a request's own timeout covers it as well.
  public var connectTimeout: Duration = .seconds(10)
  /// How long a connection without a request stays open. Longer than the usual scrape interval, so that scrapes reuse theirs.
  public var idleTimeout: Duration = .seconds(300)
  /// Requests to one host that may be under way at once; further ones wait, and fail when the time for a connection is over. The library sets room aside for
  /// as many connections with each host, about 100 bytes each, so that it should be what is needed and not more.
  public var concurrentRequestsPerHost = 128
  /// Redirects that are followed; 0 gives back the redirect itself.
  public var redirectLimit = 10
  /// Nil sends none. Not sent on to another host by a redirect.
  public var authentication: HTTPAuthentication?
  /// Sent with every request, in this order.
  public var headers: [HTTPHeaderSetting] = []
  public var tls = TLSSettings()
  /// Nil connects directly.
  public var proxy: ProxySettings?
  /// Offered to servers over TLS; they choose.
  public var http2 = true

  public init() {}
}

/// What the header `Authorization` says.
public enum HTTPAuthentication: Sendable, Hashable {
  case basic(username: Secret, password: Secret?)
  /// For example `Bearer` and a token.
  case credentials(type: String, Secret?)
}

/// A header with its values, each of which becomes a header line.
public struct HTTPHeaderSetting: Sendable, Hashable {
  public var name: String
  public var values: [String]
  /// Not sent on to another host by a redirect.
  public var secrets: [Secret]

  public init(name: String, values: [String] = [], secrets: [Secret] = []) {
    self.name = name
    self.values = values
    self.secrets = secrets
  }
}

/// Whom to trust over TLS, and who the client is.
public struct TLSSettings: Sendable, Hashable {
  public enum Version: String, Sendable, CaseIterable, Comparable {
    case tls10 = "TLS10"
    case tls11 = "TLS11"
    case tls12 = "TLS12"
    case tls13 = "TLS13"

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// Certificates (PEM) that are trusted in place of the system's; nil trusts the system's.
  public var ca: Secret?
  /// The client's own certificate with its chain (PEM), and its key; both or none.
  public var certificate: Secret?
  public var key: Secret?
  /// Asked for and checked in place of the URL's host.
  public var serverName: String?
  /// Takes any certificate.
  public var insecureSkipVerify = false
  /// Nil is TLS 1.2, as in Go.
  public var minimumVersion: Version?
  public var maximumVersion: Version?

  public init() {}
}
