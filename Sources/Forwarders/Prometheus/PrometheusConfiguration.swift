import HTTP
import Wire

/// Where and how a remote write forwarder sends.
public struct PrometheusConfiguration: Sendable, Equatable {
  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A name and a password; neither is shown anywhere.
  public struct BasicAuthentication: Sendable, Equatable {
    public var user: String
    public var password: String

    public init(user: String, password: String) {
      self.user = user
      self.password = password
    }
  }

  /// The address of the receiver's remote write, as `https://prometheus.example.org/api/v1/write`; without credentials.
  public var url: String
  public var http = HTTPConfiguration()
  /// For one request, from the connection to the last byte of the answer.
  public var timeout = Duration.seconds(30)
  /// Sent with each request beside the protocol's own.
  public var headers: [Header] = []
  public var basicAuthentication: BasicAuthentication?
  /// Requests that may be under way at once, each with the sources of a part of its own.
  public var shards = 4
  /// The header that carries the tenant of other tenants than the default one, for example `X-Scope-OrgID`; nil: not sent.
  public var tenantHeader: String?
  public var options = RemoteWriteOptions()

  public static let shardRange = 1...64

  public init(url: String) { self.url = url }

  /// Headers that the protocol or the connection sets, in lower case.
  static let ownHeaders: Set<String> = [
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host", "keep-alive",
    "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    "user-agent", "www-authenticate", "x-prometheus-remote-read-version", "x-prometheus-remote-write-version",
  ]

  /// Why a header of this name may not be sent, or nil. Source of what a name may hold: RFC 9110, section 5.6.2.
  public static func fault(ofHeaderName name: String) -> String? {
    guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else { return "is not the name of a header" }
    if ownHeaders.contains(name.lowercased()) { return "is set by the protocol itself" }
    return nil
  }

  /// Whether a header may have this value: no control characters, RFC 9110, section 5.5.
  public static func isHeaderValue(_ value: String) -> Bool {
    value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}

extension PrometheusConfiguration.BasicAuthentication: CustomStringConvertible, CustomReflectable {
  public var description: String { "(secret)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
