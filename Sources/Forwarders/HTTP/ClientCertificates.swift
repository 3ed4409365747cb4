import NIOSSL

/// What TLS connections are made with: the settings, and the content of the files that they name at this moment.
struct ClientCertificates: Sendable, Hashable {
  private let settings: TLSSettings
  private let ca: String?
  private let certificate: String?
  private let key: String?

  init(_ settings: TLSSettings, _ files: FileTexts) throws(HTTPError) {
    func text(_ secret: Secret?) throws(HTTPError) -> String? {
      guard let secret else { return nil }
      return try files.text(of: secret)
    }
    self.settings = settings
    ca = try text(settings.ca)
    certificate = try text(settings.certificate)
    key = try text(settings.key)
  }

  /// Throws when a certificate or key cannot be read; the words say which, not what is in it.
  func configuration() throws(HTTPError) -> TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = (settings.minimumVersion ?? min(.tls12, settings.maximumVersion ?? .tls12)).library
    tls.maximumTLSVersion = settings.maximumVersion?.library
    if settings.insecureSkipVerify { tls.certificateVerification = .none }
    if let ca {
      tls.trustRoots = .certificates(try Self.certificates(ca, "the trusted certificates", settings.ca))
    }
    if let certificate, let key {
      let chain = try Self.certificates(certificate, "the client's certificate", settings.certificate)
      tls.certificateChain = chain.map { .certificate($0) }
      do {
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
      } catch {
        throw Self.unreadable("the client's key", settings.key)
      }
    }
    return tls
  }

  private static func certificates(
    _ text: String, _ what: String, _ secret: Secret?
  ) throws(HTTPError) -> [NIOSSLCertificate] {
    guard let found = try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8)), !found.isEmpty else {
      throw unreadable(what, secret)
    }
    return found
  }

  private static func unreadable(_ what: String, _ secret: Secret?) -> HTTPError {
    HTTPError(.settings, "\(what)\(secret?.path.map { " in \($0)" } ?? "") cannot be read: not PEM")
  }
}

extension TLSSettings.Version {
  fileprivate var library: TLSVersion {
    switch self {
    case .tls10: .tlsv1
    case .tls11: .tlsv11
    case .tls12: .tlsv12
    case .tls13: .tlsv13
    }
  }
}
