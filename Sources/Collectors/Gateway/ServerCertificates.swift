import GRPCNIOTransportHTTP2Posix
import NIOCertificateReloading
import NIOSSL

/// A server's certificate and key, read again every few seconds and used for new connections as soon as they have changed. While they cannot be read, or do
/// not belong together, the former ones go on being used.
struct ServerCertificates: Sendable {
  private static let interval = Duration.seconds(5)

  private let tls: GatewayTLS
  private let reloader: TimedCertificateReloader

  /// Throws when they cannot be read, or do not belong together.
  init(_ tls: GatewayTLS) throws {
    self.tls = tls
    do {
      reloader = try TimedCertificateReloader.makeReloaderValidatingSources(
        refreshInterval: Self.interval,
        certificateSource: .init(location: .file(path: tls.certificateFile), format: .pem),
        privateKeySource: .init(location: .file(path: tls.keyFile), format: .pem))
    } catch {
      throw GatewayServerError(
        server: "certificate \(tls.certificateFile) with the key \(tls.keyFile)", reason: "\(error)")
    }
  }

  /// Reads again until it is cancelled.
  func run() async { try? await reloader.run() }

  /// Reads again now.
  func reload() throws { try reloader.reload() }

  func forGRPC() throws -> HTTP2ServerTransport.Posix.TransportSecurity {
    guard let clientCA = tls.clientCAFile else { return try .tls(certificateReloader: reloader) }
    return try .mTLS(certificateReloader: reloader) {
      $0.trustRoots = .certificates([.file(path: clientCA, format: .pem)])
    }
  }

  func forHTTP() throws -> TLSConfiguration {
    var configuration: TLSConfiguration
    if let clientCA = tls.clientCAFile {
      configuration = try .makeServerConfigurationWithMTLS(certificateReloader: reloader, trustRoots: .file(clientCA))
    } else {
      configuration = try .makeServerConfiguration(certificateReloader: reloader)
    }
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    return configuration
  }
}
