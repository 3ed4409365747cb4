import Foundation
import GRPCNIOTransportHTTP2Posix
import HTTP
import Model
import Testing

@testable import Forwarders

@Suite(.timeLimit(.minutes(1)), .enabled(if: TestCertificates.areMakable)) struct GatewayTLSTests {
  private static func security(
    _ certificates: TestCertificates, _ name: String, clients: String? = nil
  ) -> HTTP2ServerTransport.Posix.TransportSecurity {
    let chain: [TLSConfig.CertificateSource] = [.file(path: certificates.path("\(name).pem"), format: .pem)]
    let key = TLSConfig.PrivateKeySource.file(path: certificates.path("\(name).key"), format: .pem)
    guard let clients else { return .tls(certificateChain: chain, privateKey: key) }
    return .mTLS(certificateChain: chain, privateKey: key) {
      $0.trustRoots = .certificates([.file(path: clients, format: .pem)])
      $0.clientCertificateVerification = .noHostnameVerification
    }
  }

  private static func forwarder(
    _ gateway: StandInGateway, _ change: (inout HTTPConfiguration) -> Void
  ) throws -> GatewayForwarder {
    try GatewayForwarderTests.forwarder([gateway.address]) { configuration in
      configuration.isTLS = true
      change(&configuration.http)
    }
  }

  private static func outcome(_ forwarder: GatewayForwarder, row: UInt64 = 1) async throws -> Outcome {
    await forwarder.deliver(try GatewayForwarderTests.delivery(row...row)).outcome
  }

  private func expectMisconfigured(_ outcome: Outcome) {
    guard case .misconfigured(let reason) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(reason.contains("TLS"))
  }

  @Test func `A gateway with a certificate that is trusted gets the blocks, any other does not`() async throws {
    let certificates = try TestCertificates()
    let others = try TestCertificates()
    try certificates.issue("server", for: "IP:127.0.0.1")
    let gateway = try await StandInGateway(security: Self.security(certificates, "server"))
    let trusting = try Self.forwarder(gateway) { $0.tls.ca = .file(certificates.path("ca.pem")) }
    #expect(try await Self.outcome(trusting) == .delivered)
    let careless = try Self.forwarder(gateway) { $0.tls.insecureSkipVerify = true }
    #expect(try await Self.outcome(careless, row: 2) == .delivered)
    let strict = try Self.forwarder(gateway) { $0.tls.ca = .file(others.path("ca.pem")) }
    expectMisconfigured(try await Self.outcome(strict))
    for forwarder in [trusting, careless, strict] { await forwarder.close() }
    await gateway.stop()
  }

  @Test func `The name of the settings is the one that the certificate has to have`() async throws {
    let certificates = try TestCertificates()
    try certificates.issue("server", for: "DNS:gateway.example.org")
    let gateway = try await StandInGateway(security: Self.security(certificates, "server"))
    for (name, isRight) in [("gateway.example.org", true), ("other.example.org", false)] {
      let forwarder = try Self.forwarder(gateway) {
        $0.tls.ca = .file(certificates.path("ca.pem"))
        $0.tls.serverName = name
      }
      let outcome = try await Self.outcome(forwarder)
      if isRight { #expect(outcome == .delivered) } else { expectMisconfigured(outcome) }
      await forwarder.close()
    }
    await gateway.stop()
  }

  @Test func `Without the certificate that is asked for nothing goes; a new file counts at once`() async throws {
    let certificates = try TestCertificates()
    let others = try TestCertificates()
    try certificates.issue("server", for: "IP:127.0.0.1")
    try certificates.issue("client", for: "DNS:client")
    try others.issue("client", for: "DNS:client")
    let gateway = try await StandInGateway(
      security: Self.security(certificates, "server", clients: certificates.path("ca.pem")))
    let nobody = try Self.forwarder(gateway) { $0.tls.ca = .file(certificates.path("ca.pem")) }
    expectMisconfigured(try await Self.outcome(nobody))
    let mine = try Self.forwarder(gateway) {
      $0.tls.ca = .file(certificates.path("ca.pem"))
      $0.tls.certificate = .file(others.path("client.pem"))
      $0.tls.key = .file(others.path("client.key"))
    }
    expectMisconfigured(try await Self.outcome(mine))
    for file in ["client.pem", "client.key"] {
      try Data(contentsOf: URL(fileURLWithPath: certificates.path(file)))
        .write(to: URL(fileURLWithPath: others.path(file)))
    }
    #expect(try await Self.outcome(mine) == .delivered)
    await nobody.close()
    await mine.close()
    await gateway.stop()
  }

  @Test func `A plain gateway is no gateway with TLS`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder(gateway) { $0.tls.insecureSkipVerify = true }
    let outcome = try await Self.outcome(forwarder)
    #expect(outcome != .delivered && gateway.seen.requests.isEmpty)
    await forwarder.close()
    await gateway.stop()
  }
}

@Suite(.timeLimit(.minutes(1))) struct GatewayCredentialsTests {
  @Test func `A wrong token is told and not repeated, and a new one in the file is used at once`() async throws {
    let folder = try TemporaryDirectory()
    let file = "\(folder.path)/token"
    try "wrong-secret-token".write(toFile: file, atomically: true, encoding: .utf8)
    let gateway = try await StandInGateway(token: "right-secret-token")
    let forwarder = try GatewayForwarderTests.forwarder([gateway.address]) {
      $0.http.authentication = .credentials(type: "Bearer", .file(file))
      $0.http.headers = [HTTPHeaderSetting(name: "X-Site", values: ["7"])]
    }
    let delivery = try GatewayForwarderTests.delivery(1...1)
    let answer = await forwarder.deliver(delivery)
    guard case .misconfigured(let reason) = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(reason.contains("unauthenticated") && !reason.contains("wrong-secret-token"), "\(reason)")
    try "right-secret-token\n".write(toFile: file, atomically: true, encoding: .utf8)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(gateway.seen.headers.last?["x-site"] == "7")
    // While a stream is open, too.
    try "third-secret-token\n".write(toFile: file, atomically: true, encoding: .utf8)
    let third = await forwarder.deliver(try GatewayForwarderTests.delivery(2...2))
    guard case .misconfigured = third.outcome else { return #expect(Bool(false), "\(third)") }
    await forwarder.close()
    await gateway.stop()
  }
}
