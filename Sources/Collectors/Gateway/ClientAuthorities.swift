import NIOSSL
import Synchronization
import X509

/// Whose certificates senders may show: the authorities in a file, which can be read again while connections come and go.
///
/// BoringSSL has its list for as long as the server listens, so that chains are verified here.
final class ClientAuthorities: Sendable {
  /// A chain of a sender is no longer than this, so that nobody makes it search for long.
  private static let chainLimit = 10

  let file: String
  private let roots: Mutex<[Certificate]>

  /// Throws when the file cannot be read, or has no certificate.
  init(file: String) throws {
    self.file = file
    roots = Mutex(try Self.read(file))
  }

  /// Takes up what the file says now; throws when it cannot be read, and goes on with what was there.
  func reload() throws {
    let read = try Self.read(file)
    roots.withLock { $0 = read }
  }

  /// Whether one of the authorities of this moment has signed the first of these, itself or by way of the others.
  func trust(_ chain: [NIOSSLCertificate]) async -> Bool {
    guard let first = chain.first, chain.count <= Self.chainLimit,
      let leaf = try? Certificate(derEncoded: first.toDERBytes()),
      let others = try? chain.dropFirst().map({ try Certificate(derEncoded: $0.toDERBytes()) })
    else { return false }
    // RFC 5280, section 4.2.1.12: where it says what a certificate is for, it has to say so.
    if let extended = leaf.extensions[oid: .X509ExtensionID.extendedKeyUsage] {
      guard let uses = try? ExtendedKeyUsage(extended), uses.contains(.clientAuth) || uses.contains(.any) else {
        return false
      }
    }
    var verifier = Verifier(rootCertificates: CertificateStore(roots.withLock { $0 })) { SenderPolicy() }
    let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(others))
    if case .validCertificate = result { return true }
    return false
  }

  private static func read(_ file: String) throws -> [Certificate] {
    let certificates = try NIOSSLCertificate.fromPEMFile(file).map { try Certificate(derEncoded: $0.toDERBytes()) }
    guard !certificates.isEmpty else {
      throw GatewayServerError(server: "authorities \(file)", reason: "there is no certificate in it")
    }
    return certificates
  }
}

/// RFC 5280's rules. What a certificate is for is looked at beside it, and its names say nothing here, so that both may be marked critical.
private struct SenderPolicy: VerifierPolicy {
  private let rules = RFC5280Policy()
  let verifyingCriticalExtensions =
    RFC5280Policy().verifyingCriticalExtensions + [
      .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName,
    ]

  func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
    rules.chainMeetsPolicyRequirements(chain: chain)
  }
}
