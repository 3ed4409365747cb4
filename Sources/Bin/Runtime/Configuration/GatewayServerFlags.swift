import Foundation
import GatewayCollectors

/// The command line's word on one of a gateway's servers, which comes before the file's.
public struct GatewayServerFlags: Sendable, Equatable {
  var name: String
  /// Nil: as the file says. `none`: no server.
  var address: String?
  var tls: Bool
  var certificate: String?
  var key: String?
  var clientCA: String?

  public init(
    name: String, address: String? = nil, tls: Bool = false, certificate: String? = nil, key: String? = nil,
    clientCA: String? = nil
  ) {
    self.name = name
    self.address = address
    self.tls = tls
    self.certificate = certificate
    self.key = key
    self.clientCA = clientCA
  }

  /// What cannot be meant; nil when all is well.
  public var fault: String? {
    if let address, address != "none", AdminAddress(address) == nil {
      return "--\(name).host-port “\(address)” is not host:port, :port or none"
    }
    if tls, certificate == nil || key == nil {
      return "--\(name).tls.enabled needs --\(name).tls.cert and --\(name).tls.key"
    }
    if !tls, certificate != nil || key != nil || clientCA != nil {
      return "--\(name).tls.cert, .key and .client-ca count only together with --\(name).tls.enabled"
    }
    return nil
  }

  /// The server as the flags want it. Relative paths start where the program was started.
  func apply(to listener: GatewayListener?, standard: GatewayListener?) -> GatewayListener? {
    var result = listener
    if let address {
      guard address != "none" else { return nil }
      if let parsed = AdminAddress(address) {
        result = GatewayListener(host: parsed.host, port: parsed.port, tls: listener?.tls)
      }
    }
    guard tls, let certificate, let key else { return result }
    result = result ?? standard
    result?.tls = GatewayTLS(
      certificateFile: Self.absolute(certificate), keyFile: Self.absolute(key),
      clientCAFile: clientCA.map(Self.absolute))
    return result
  }

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}

extension Configuration {
  /// Takes the flags' word before the file's. Both servers may be turned off by them; then the role says so.
  public mutating func apply(grpc: GatewayServerFlags, http: GatewayServerFlags) {
    let standard = ConfigurationDefaults.gateway
    var settings = gateway ?? standard
    settings.grpc = grpc.apply(to: settings.grpc, standard: standard.grpc)
    settings.http = http.apply(to: settings.http, standard: standard.http)
    gateway = settings
  }
}
