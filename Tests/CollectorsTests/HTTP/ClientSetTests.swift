import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1)))
struct `Clients by route` {
  var configuration: HTTPConfiguration

  init() {
    configuration = HTTPConfiguration()
    configuration.tls.serverName = "shop.example"
  }

  func clients() throws -> ClientSet {
    let files = FileTexts()
    return ClientSet(
      configuration, try ClientCertificates(configuration.tls, files),
      RequestHeaders(configuration: configuration, files: files))
  }

  func route(_ url: String, isTrusted: Bool = true) throws -> Route {
    Route(to: try RequestURL(url), configuration, isTrusted: isTrusted)
  }

  @Test
  func `The configured name of a server is not asked of one that a redirect leads away to`() throws {
    #expect(try route("https://10.0.0.1/metrics").pinnedHost == "10.0.0.1")
    #expect(try route("https://10.0.0.1/metrics", isTrusted: false).pinnedHost == nil)
    #expect(
      try route("https://a.example/", isTrusted: false) == route("https://b.example/", isTrusted: false),
      "so that redirects add no clients")
  }

  @Test
  mutating func `One that has not been used for as long as connections are kept ends with the next new one`()
    async throws
  {
    configuration.idleTimeout = .zero
    let clients = try clients()
    let used = try route("https://10.0.1.1/")
    try await clients.withClient(for: used) { inUse in
      for host in 1...50 { try await clients.withClient(for: try route("https://10.0.0.\(host)/")) { _ in } }
      #expect(clients.count == 2, "the last one, and the one that is in use")
      try await clients.withClient(for: used) { #expect($0 === inUse) }
    }
    await clients.close()
    await #expect(throws: HTTPError(.other, "the client is closed")) {
      try await clients.withClient(for: used) { _ in }
    }
  }

  @Test
  func `Others stay`() async throws {
    let clients = try clients()
    for host in 1...5 { try await clients.withClient(for: try route("https://10.0.0.\(host)/")) { _ in } }
    #expect(clients.count == 5)
    await clients.close()
  }
}
