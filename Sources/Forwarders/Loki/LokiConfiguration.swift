import HTTP

/// Where and how a Loki forwarder sends.
public struct LokiConfiguration: Sendable, Equatable {
  /// Where Loki takes pushes, as `https://loki.example.org/loki/api/v1/push`; without credentials.
  public var url: String
  /// Its headers are sent beside the protocol's own.
  public var http = HTTPConfiguration()
  /// For one request, from the connection to the last byte of the answer.
  public var timeout = Duration.seconds(30)
  /// Requests that may be under way at once, each with the sources of a part of its own.
  public var shards = 4
  /// The header that carries the tenant.
  public var tenantHeader = LokiConfiguration.defaultTenantHeader
  /// The tenant of rows that have none; nil: none is sent with them.
  public var tenantID: String?
  public var sendsStructuredMetadata = true

  public static let shardRange = 1...64
  public static let defaultTenantHeader = "X-Scope-OrgID"
  /// What stands for a URL without a path.
  public static let defaultPath = "/loki/api/v1/push"

  public init(url: String) { self.url = url }
}
