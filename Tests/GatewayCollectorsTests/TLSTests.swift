import AsyncHTTPClient
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GatewayRPC
import Logging
import NIOSSL
import Testing
import Wire

@testable import GatewayCollectors

@Suite("TLS", .enabled(if: TestCertificates.areMakable)) struct TLSTests {
  private func client(
    _ certificates: TestCertificates, _ own: String? = nil
  ) throws -> HTTPClient {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .file(certificates.path("ca.pem"))
    if let own {
      tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificates.path("\(own).pem")).map { .certificate($0) }
      tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: certificates.path("\(own).key"), format: .pem))
    }
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    // Each request makes a connection of its own.
    configuration.connectionPool.idleTimeout = .milliseconds(1)
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  @Test func `serves both ways, and wants a certificate where one is wanted`() async throws {
    let certificates = try TestCertificates()
    try certificates.issue("server", for: "IP:127.0.0.1")
    try certificates.issue("sender", for: "DNS:sender")
    let (server, key, ca) = (
      certificates.path("server.pem"), certificates.path("server.key"), certificates.path("ca.pem")
    )
    try await TestGateway.run(
      settings: .with {
        $0.grpc?.tls = GatewayTLS(certificateFile: server, keyFile: key, clientCAFile: ca)
        $0.http?.tls = GatewayTLS(certificateFile: server, keyFile: key, clientCAFile: ca)
      }
    ) { gateway in
      let (with, without) = (try client(certificates, "sender"), try client(certificates))
      #expect(try await gateway.http("GET", "/ready", client: with, scheme: "https").status == 200)
      await #expect(throws: (any Error).self) {
        try await gateway.http("GET", "/ready", client: without, scheme: "https")
      }
      try await with.shutdown()
      try await without.shutdown()
      let mutual = HTTP2ClientTransport.Posix.TransportSecurity.mTLS(
        certificateChain: [.file(path: certificates.path("sender.pem"), format: .pem)],
        privateKey: .file(path: certificates.path("sender.key"), format: .pem)
      ) {
        $0.trustRoots = .certificates([.file(path: ca, format: .pem)])
        $0.serverCertificateVerification = .noHostnameVerification
      }
      let answer = try await gateway.grpc(mutual) { try await $0.call(GatewayMethods.healthCheck, []) }
      #expect(answer == HealthMessages.response(.serving))
    }
  }

  @Test func `takes up a certificate that was replaced`() async throws {
    let certificates = try TestCertificates()
    // Once the wrong name, then the right one.
    try certificates.issue("server", for: "IP:10.1.2.3")
    let tls = GatewayTLS(certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"))
    let reloading = try ServerCertificates(tls, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try certificates.issue("server", for: "IP:127.0.0.1")
    try reloading.reload()
    // A half-written pair changes nothing.
    try Data("nonsense".utf8).write(to: URL(fileURLWithPath: certificates.path("server.key")))
    #expect(throws: (any Error).self) { try reloading.reload() }
    _ = try reloading.forHTTP()
    _ = try reloading.forGRPC()
  }

  @Test func `is served with the new certificate after it was replaced, and the old connection goes on`() async throws {
    let certificates = try TestCertificates()
    try certificates.issue("server", for: "IP:10.1.2.3")
    let tls = GatewayTLS(certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"))
    try await TestGateway.run(settings: .with { $0.http?.tls = tls }) { gateway in
      let client = try client(certificates)
      await #expect(throws: (any Error).self) {
        try await gateway.http("GET", "/ready", client: client, scheme: "https")
      }
      try certificates.issue("server", for: "IP:127.0.0.1")
      let began = ContinuousClock.now
      var status: Int?
      while status == nil, ContinuousClock.now - began < .seconds(12) {
        status = try? await gateway.http("GET", "/ready", client: client, scheme: "https").status
        try await Task.sleep(for: .milliseconds(200))
      }
      #expect(status == 200)
      try await client.shutdown()
    }
  }

  /// Tries until it works, as long as a change may take to be noticed.
  private func eventually(_ isTrue: () async -> Bool) async throws -> Bool {
    let began = ContinuousClock.now
    while ContinuousClock.now - began < .seconds(12) {
      if await isTrue() { return true }
      try await Task.sleep(for: .milliseconds(200))
    }
    return false
  }

  private func mutual(_ certificates: TestCertificates, _ own: String) -> HTTP2ClientTransport.Posix.TransportSecurity {
    .mTLS(
      certificateChain: [.file(path: certificates.path("\(own).pem"), format: .pem)],
      privateKey: .file(path: certificates.path("\(own).key"), format: .pem)
    ) {
      $0.trustRoots = .certificates([.file(path: certificates.path("ca.pem"), format: .pem)])
      $0.serverCertificateVerification = .noHostnameVerification
    }
  }

  @Test func `over gRPC takes up another certificate and other authorities, and open connections go on`() async throws {
    let certificates = try TestCertificates()
    try certificates.issue("server", for: "IP:127.0.0.1")
    try certificates.authority("others")
    try certificates.issue("old", for: "DNS:old")
    try certificates.issue("new", for: "DNS:new", by: "others")
    try FileManager.default.copyItem(atPath: certificates.path("ca.pem"), toPath: certificates.path("trusted.pem"))
    let tls = GatewayTLS(
      certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"),
      clientCAFile: certificates.path("trusted.pem"))
    try await TestGateway.run(
      settings: .with {
        $0.grpc?.tls = tls
        $0.http?.tls = tls
      }
    ) { gateway in
      @Sendable func isServed(_ own: String) async -> Bool {
        guard let client = try? client(certificates, own) else { return false }
        let http = try? await gateway.http("GET", "/ready", client: client, scheme: "https").status
        try? await client.shutdown()
        var options = CallOptions.defaults
        options.timeout = .seconds(2)
        let call = options
        let grpc = try? await gateway.grpc(mutual(certificates, own)) {
          try await $0.call(GatewayMethods.healthCheck, [], options: call)
        }
        // Both servers read by themselves.
        return http == 200 && grpc != nil
      }
      #expect(await isServed("old"))
      #expect(await !isServed("new"))
      let old = mutual(certificates, "old")
      try await gateway.grpc(old) { open in
        _ = try await open.call(GatewayMethods.healthCheck, [])
        try certificates.issue("server", for: "IP:127.0.0.1")
        try Data(certificates.text("others.pem").utf8).write(to: URL(filePath: certificates.path("trusted.pem")))
        #expect(try await eventually { await isServed("new") })
        #expect(await !isServed("old"))
        _ = try await open.call(GatewayMethods.healthCheck, [])
        // What cannot be read changes nothing.
        try Data("nonsense".utf8).write(to: URL(filePath: certificates.path("trusted.pem")))
        try await Task.sleep(for: .seconds(6))
        #expect(await isServed("new"))
      }
    }
  }

  @Test func `trusts whom its authorities have signed, directly and for that use`() async throws {
    let certificates = try TestCertificates()
    try certificates.authority("others")
    try certificates.issue("good", for: "DNS:good", use: "clientAuth")
    try certificates.issue("server", for: "DNS:server", use: "serverAuth")
    try certificates.issue("stranger", for: "DNS:stranger", by: "others")
    // Signed by one that is no authority.
    try certificates.issue("nested", for: "DNS:nested", by: "good")
    let authorities = try ClientAuthorities(file: certificates.path("ca.pem"))
    for (names, isTrusted) in [
      (["good"], true), (["good", "ca"], true), (["server"], false), (["stranger"], false),
      (["stranger", "others"], false), (["nested", "good"], false), ([], false),
    ] {
      let chain = try names.flatMap { try NIOSSLCertificate.fromPEMFile(certificates.path("\($0).pem")) }
      let answer = await authorities.trust(chain)
      #expect(answer == isTrusted, "\(names)")
    }
  }

  @Test func `with files that are not there keeps the gateway from starting`() async throws {
    await #expect(throws: GatewayServerError.self) {
      try await TestGateway.run(
        settings: .with {
          $0.http?.tls = GatewayTLS(certificateFile: "/nowhere/cert.pem", keyFile: "/nowhere/key.pem")
        }
      ) { _ in }
    }
  }

  @Test func `and an address that is taken keep it from starting as well`() async throws {
    try await TestGateway.run { gateway in
      for isGRPC in [true, false] {
        let error = await #expect(throws: GatewayServerError.self) {
          try await TestGateway.run(
            settings: .with {
              if isGRPC { $0.grpc?.port = gateway.grpcPort } else { $0.http?.port = gateway.httpPort }
            }
          ) { _ in }
        }
        #expect(error?.description.contains("127.0.0.1:\(isGRPC ? gateway.grpcPort : gateway.httpPort)") == true)
      }
    }
  }
}
