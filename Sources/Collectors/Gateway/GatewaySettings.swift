import HTTP
import LooseTables
import Model

/// What a gateway takes, where it listens, from whom, and how much of it. Validated: what contradicts itself is refused where it is read.
public struct GatewaySettings: Sendable, Equatable {
  /// One gateway takes one signal and answers the other's paths with an error that says so.
  public var signal: Signal
  /// Nil: there is no gRPC server.
  public var grpc: GatewayListener?
  /// Nil: there is no HTTP server.
  public var http: GatewayListener?
  /// Who may send. Empty: everybody.
  public var senders: [SenderSettings] = []
  public var limits = GatewayLimits()

  public init(signal: Signal, grpc: GatewayListener?, http: GatewayListener?) {
    self.signal = signal
    self.grpc = grpc
    self.http = http
  }
}

/// Where one of the servers listens, and with which certificate.
public struct GatewayListener: Sendable, Equatable, CustomStringConvertible {
  /// An address or a name of this machine.
  public var host: String
  /// 0 lets the system choose.
  public var port: Int
  /// Nil: without TLS.
  public var tls: GatewayTLS?

  public init(host: String, port: Int, tls: GatewayTLS? = nil) {
    self.host = host
    self.port = port
    self.tls = tls
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A server's certificate. The files are PEM and absolute; all are read again when they change.
public struct GatewayTLS: Sendable, Equatable {
  /// With its chain.
  public var certificateFile: String
  public var keyFile: String
  /// Senders have to show a certificate that one of these has signed. Nil: they need none.
  public var clientCAFile: String?

  public init(certificateFile: String, keyFile: String, clientCAFile: String? = nil) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.clientCAFile = clientCAFile
  }
}

/// Somebody who may send.
public struct SenderSettings: Sendable, Equatable {
  public enum Credentials: Sendable, Equatable {
    case bearer(Secret)
    case basic(username: Secret, password: Secret)
  }

  /// For pages, metrics and messages.
  public var name: String
  public var credentials: Credentials
  /// Everything that comes with these credentials is this tenant's, whatever else it says. Nil: the sender says.
  public var tenant: Tenant?
  /// Nil: those for all.
  public var limits: SenderLimits?

  public init(name: String, credentials: Credentials, tenant: Tenant? = nil, limits: SenderLimits? = nil) {
    self.name = name
    self.credentials = credentials
    self.tenant = tenant
    self.limits = limits
  }
}

/// What one sender may send.
public struct SenderLimits: Sendable, Equatable {
  /// Of a pushed request as it comes over the network.
  public var bodyBytes = 16 << 20
  /// Of a pushed request, decompressed. Together with the body it is half of `bytesUnderWay`, which one sender may have.
  public var decodedBytes = 48 << 20
  /// Samples, histograms, exemplars and log entries. Nil: no limit.
  public var entriesPerSecond: Double?
  /// As they come over the network. Nil: no limit.
  public var bytesPerSecond: Double?

  public init() {}
}

/// What all senders together may have of this machine.
public struct GatewayLimits: Sendable, Equatable {
  /// For whom nothing else is said.
  public var sender = SenderLimits()
  public var push = PushLimits()
  /// Of all bodies that are being received, decompressed or stored. Past it requests are sent away at once, to come again.
  public var bytesUnderWay = 128 << 20
  /// Of each server.
  public var connections = 512
  /// gRPC calls of one connection at the same time.
  public var streamsPerConnection = 64
  /// Tables of blocks that are kept so that they need not come again.
  public var tableCacheBytes = 64 << 20
  /// Senders that are told apart in figures and rates; past it the one that was silent longest is forgotten.
  public var trackedSenders = 4096
  /// How long a connection may take to say what it wants.
  public var headerTimeout = Duration.seconds(30)
  /// How long a body may take; a large one as long as it comes with at least 1 KiB a second.
  public var bodyTimeout = Duration.seconds(30)
  /// How long a connection may do nothing.
  public var idleTimeout = Duration.seconds(300)
  /// How long requests under way may take to end when the gateway stops.
  public var stopTimeout = Duration.seconds(5)

  public init() {}
}
