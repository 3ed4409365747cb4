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
}
