import HTTP

/// Where and how a gateway forwarder sends.
public struct GatewayConfiguration: Sendable, Equatable {
  public enum Transport: String, Sendable, CaseIterable {
    case grpc
    case http

    public var defaultPort: Int { self == .grpc ? 15_610 : 15_611 }
  }

  public enum Encoding: String, Sendable, CaseIterable {
    /// Blocks as they are stored, for Clymene gateways of this generation.
    case blocks
    /// The interfaces of the Go original.
    case original
  }

  /// Not empty.
  public var addresses: [GatewayAddress]
  public var transport = Transport.grpc
  public var encoding = Encoding.blocks
  public var isTLS = false
  /// TLS settings, credentials and headers; with HTTP also the rest.
  public var http = HTTPConfiguration()
  /// For one answer; when it is over the connection is dropped.
  public var timeout = Duration.seconds(30)
  /// How long what was sent and not acknowledged waits for the same gateway before it goes to another.
  public var failoverAfter = Duration.seconds(30)
  /// An open connection without a word from the other side is asked for a sign of life after this time (gRPC).
  public var keepaliveTime = Duration.seconds(30)
  /// How long that may take.
  public var keepaliveTimeout = Duration.seconds(10)
  /// Tells this sender from all others: the forwarder's name and the host's. It decides which of several gateways is preferred.
  public var identity = ""

  public init(addresses: [GatewayAddress]) { self.addresses = addresses }
}
