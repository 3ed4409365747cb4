import HTTP
import Wire

/// Where and how a remote write forwarder sends.
public struct PrometheusConfiguration: Sendable, Equatable {
  /// The address of the receiver's remote write, as `https://prometheus.example.org/api/v1/write`; without credentials.
  public var url: String
  /// Its headers are sent beside the protocol's own.
  public var http = HTTPConfiguration()
  /// For one request, from the connection to the last byte of the answer.
  public var timeout = Duration.seconds(30)
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

  /// Why a header of this name may not be sent, or nil.
  public static func fault(ofHeaderName name: String) -> String? {
    guard HTTPConfiguration.isHeaderName(name) else { return "is not the name of a header" }
    if ownHeaders.contains(name.lowercased()) { return "is set by the protocol itself" }
    return nil
  }
}
