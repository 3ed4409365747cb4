import GRPCNIOTransportHTTP2Posix
import HummingbirdTLS
import Logging
import NIOCertificateReloading
import NIOSSL

/// A server's certificate and key, and whose certificates senders may show: read again every few seconds and used for new connections as soon as they have changed.
/// While they cannot be read, or do not belong together, the former ones go on being used, and a line in the log says so.
struct ServerCertificates: Sendable {
  private let tls: GatewayTLS
  private let logger: Logger
  private let interval: Duration
  private let reloader: TimedCertificateReloader
  private let authorities: ClientAuthorities?

  /// Throws when they cannot be read, or do not belong together.
  init(_ tls: GatewayTLS, logger: Logger, interval: Duration = .seconds(5)) throws {
    self.tls = tls
    self.logger = logger
    self.interval = interval
    do {
      reloader = try TimedCertificateReloader.makeReloaderValidatingSources(
        refreshInterval: interval,
        certificateSource: .init(location: .file(path: tls.certificateFile), format: .pem),
        privateKeySource: .init(location: .file(path: tls.keyFile), format: .pem))
    } catch {
      throw GatewayServerError(
        server: "certificate \(tls.certificateFile) with the key \(tls.keyFile)", reason: "\(error)")
    }
    do {
      authorities = try tls.clientCAFile.map { try ClientAuthorities(file: $0) }
    } catch {
      throw GatewayServerError(server: "client_ca_file \(tls.clientCAFile ?? "")", reason: "\(error)")
    }
  }

  /// Reads again until it is cancelled.
  func run() async {
    var isFailing = false
    while (try? await Task.sleep(for: interval)) != nil {
      do {
        try reload()
        if isFailing { logger.notice("the gateway's certificates can be read again", metadata: metadata) }
        isFailing = false
      } catch {
        // Once, and not every few seconds.
        if !isFailing {
          logger.error(
            "the gateway's certificates cannot be read again; the former ones go on being used and are tried every \(interval)",
            metadata: metadata.merging(["error": "\(error)"]) { first, _ in first })
        }
        isFailing = true
      }
    }
  }

  private var metadata: Logger.Metadata {
    ["certificate": "\(tls.certificateFile)", "client_ca_file": "\(tls.clientCAFile ?? "none")"]
  }

  /// Reads again now. Throws when one of both cannot be read; the other is taken up all the same.
  func reload() throws {
    let certificate = Result { try reloader.reload() }
    try authorities?.reload()
    try certificate.get()
  }

  func forGRPC() throws -> HTTP2ServerTransport.Posix.TransportSecurity {
    guard let authorities else { return try .tls(certificateReloader: reloader) }
    return try .mTLS(certificateReloader: reloader) {
      // For what the handshake says; who is let in is decided by the callback.
      $0.trustRoots = .certificates([.file(path: authorities.file, format: .pem)])
      $0.customVerificationCallback = { chain, promise in
        promise.completeWithTask { await authorities.trust(chain) ? .certificateVerified(.init(nil)) : .failed }
      }
    }
  }

  func forHTTP() throws -> TLSChannelConfiguration {
    var configuration: TLSConfiguration
    if let authorities {
      configuration = try .makeServerConfigurationWithMTLS(
        certificateReloader: reloader, trustRoots: .file(authorities.file))
    } else {
      configuration = try .makeServerConfiguration(certificateReloader: reloader)
    }
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    guard let authorities else { return TLSChannelConfiguration(tlsConfiguration: configuration) }
    return TLSChannelConfiguration(
      tlsConfiguration: configuration,
      customAsyncVerificationCallback: { chain in await authorities.trust(chain) ? .certificateVerified : .failed })
  }
}
