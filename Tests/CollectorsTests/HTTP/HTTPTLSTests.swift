import Foundation
import HTTP
import Testing

@Suite(
  .enabled(if: TestCertificates.areMakable, "the command openssl is missing (apt-get install openssl)"),
  .timeLimit(.minutes(1)))
struct `TLS with certificates` {
  let certificates: TestCertificates

  init() throws {
    certificates = try TestCertificates()
    try certificates.issue("server", for: "IP:127.0.0.1")
  }

  func get(
    _ url: String, _ change: (inout HTTPConfiguration) -> Void
  ) async -> (result: GetResult, words: String) {
    var configuration = HTTPConfiguration()
    change(&configuration)
    let session = HTTPSession(configuration)
    let result = await get(url, over: session)
    await session.close()
    return result
  }

  func get(_ url: String, over session: HTTPSession) async -> (result: GetResult, words: String) {
    do throws(HTTPError) {
      let answer = try await session.get(url, timeout: .seconds(10), limitBytes: 1000)
      return (.answer(answer.status, String(decoding: answer.body, as: UTF8.self)), "")
    } catch {
      return (.failure(error.kind), error.description)
    }
  }

  @Test
  func `A server is trusted by the authority that is configured, as file or as text`() async throws {
    let server = try await TLSServer(certificates, name: "server")
    let text = try certificates.text("ca.pem")
    #expect(
      await get(server.url) { $0.tls.ca = .file(certificates.path("ca.pem")) }.result == .answer(200, "a 1\n"))
    #expect(await get(server.url) { $0.tls.ca = .text(text) }.result == .answer(200, "a 1\n"))
    let (result, words) = await get(server.url) { _ in }
    #expect(result == .failure(.tls))
    #expect(words.hasPrefix("TLS with 127.0.0.1:\(server.port) failed"))
    #expect(await get(server.url) { $0.tls.insecureSkipVerify = true }.result == .answer(200, "a 1\n"))
    try await server.close()
  }

  @Test
  func `The certificate is for another name, unless that name is configured`() async throws {
    try certificates.issue("named", for: "DNS:shop.example")
    let server = try await TLSServer(certificates, name: "named")
    let ca = certificates.path("ca.pem")
    #expect(await get(server.url) { $0.tls.ca = .file(ca) }.result == .failure(.tls))
    let named = await get(server.url) {
      $0.tls.ca = .file(ca)
      $0.tls.serverName = "shop.example"
    }
    #expect(named.result == .answer(200, "a 1\n"))
    #expect(server.requests.last?.lowercased().contains("\r\nhost: 127.0.0.1:\(server.port)\r\n") == true)
    try await server.close()
  }

  @Test
  func `A server that asks for a client's certificate gets it`() async throws {
    try certificates.issue("client", for: "DNS:client.example")
    let server = try await TLSServer(certificates, name: "server", clientCA: "ca")
    let ca = certificates.path("ca.pem")
    let known = await get(server.url) {
      $0.tls.ca = .file(ca)
      $0.tls.certificate = .file(certificates.path("client.pem"))
      $0.tls.key = .file(certificates.path("client.key"))
    }
    #expect(known.result == .answer(200, "a 1\n"))
    let unknown = await get(server.url) { $0.tls.ca = .file(ca) }
    #expect(unknown.result != .answer(200, "a 1\n"))
    try await server.close()
  }

  @Test
  func `Certificates that change in their files are used from the next request on`() async throws {
    let server = try await TLSServer(certificates, name: "server")
    let other = try TestCertificates()
    let file = certificates.path("trusted.pem")
    try other.text("ca.pem").write(toFile: file, atomically: true, encoding: .utf8)
    var configuration = HTTPConfiguration()
    configuration.tls.ca = .file(file)
    let session = HTTPSession(configuration)
    #expect(await get(server.url, over: session).result == .failure(.tls))
    try certificates.text("ca.pem").write(toFile: file, atomically: true, encoding: .utf8)
    #expect(await get(server.url, over: session).result == .answer(200, "a 1\n"))
    try FileManager.default.removeItem(atPath: file)
    let (result, words) = await get(server.url, over: session)
    #expect(result == .failure(.settings))
    #expect(words == "\(file) cannot be read: No such file or directory")
    await session.close()
    try await server.close()
  }

  @Test
  func `Versions of TLS are kept to`() async throws {
    let server = try await TLSServer(certificates, name: "server", maximum: .tlsv12)
    let ca = certificates.path("ca.pem")
    let newer = await get(server.url) {
      $0.tls.ca = .file(ca)
      $0.tls.minimumVersion = .tls13
    }
    #expect(newer.result == .failure(.tls))
    let older = await get(server.url) {
      $0.tls.ca = .file(ca)
      $0.tls.maximumVersion = .tls12
    }
    #expect(older.result == .answer(200, "a 1\n"))
    try await server.close()
  }

  @Test
  func `A key that is none is said to be, without its text`() async throws {
    let (result, words) = await get("https://127.0.0.1:1/") {
      $0.tls.certificate = .file(certificates.path("ca.pem"))
      $0.tls.key = .text("not a key, but hidden")
    }
    #expect(result == .failure(.settings))
    #expect(words == "the client's key cannot be read: not PEM")
  }

  @Test
  func `TLS goes through the tunnel of a proxy, which sees neither headers nor path`() async throws {
    let server = try await TLSServer(certificates, name: "server")
    let proxy = try TestProxy(password: "wonder")
    let ca = certificates.path("ca.pem")
    func through(_ password: String) async -> (result: GetResult, words: String) {
      await get(server.url) {
        $0.tls.ca = .file(ca)
        $0.authentication = .credentials(type: "Bearer", .text("token"))
        let place = ProxySettings.Server(
          host: "127.0.0.1", port: Int(proxy.port), username: "alice", password: .text(password))
        $0.proxy = ProxySettings(http: place, https: place)
        $0.proxy?.connectHeaders = [HTTPHeaderSetting(name: "X-Site", secrets: [.text("shop")])]
      }
    }
    #expect(await through("wonder").result == .answer(200, "a 1\n"))
    #expect(proxy.requests.count == 1)
    #expect(proxy.requests[0].hasPrefix("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n"))
    #expect(proxy.requests[0].contains("\r\nX-Site: shop\r\n"))
    #expect(!proxy.requests[0].contains("token"))
    #expect(server.requests.last?.contains("\r\nAuthorization: Bearer token\r\n") == true)
    let (result, words) = await through("wrong")
    #expect(result == .failure(.settings))
    #expect(words.contains("the proxy wants other credentials"))
    try await server.close()
  }
}
