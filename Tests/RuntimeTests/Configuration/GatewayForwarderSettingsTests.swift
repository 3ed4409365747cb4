import Forwarders
import HTTP
import Testing

@testable import Runtime

@Suite struct GatewayForwarderSettingsTests {
  private func gateway(_ keys: String) throws -> GatewayConfiguration {
    let configuration = try parsed("forwarders: [{name: up, type: gateway, \(keys)}]")
    guard case .gateway(let gateway)? = configuration.forwarders.first?.destination else {
      throw ConfigurationError(file: "", problems: [])
    }
    #expect(configuration.forwarders.first?.type == "gateway")
    return gateway
  }

  @Test func `An address is enough`() throws {
    var wanted = GatewayConfiguration(addresses: [.server(host: "gw.example.org", port: 15_610)])
    wanted.identity = "up"
    #expect(try gateway("address: gw.example.org") == wanted)
  }

  @Test func `Everything can be set`() throws {
    let read = try gateway(
      """
      addresses: ["a:1", "dns:///b:2"], encoding: original, tls: true, tls_config: {server_name: s},
      bearer_token: abc, timeout: 5s, failover_after: 1m, keepalive_time: 20s, keepalive_timeout: 3s
      """)
    var wanted = GatewayConfiguration(addresses: [.server(host: "a", port: 1), .dns(host: "b", port: 2)])
    wanted.identity = "up"
    wanted.encoding = .original
    wanted.isTLS = true
    wanted.http.tls.serverName = "s"
    wanted.http.authentication = .credentials(type: "Bearer", .text("abc"))
    wanted.timeout = .seconds(5)
    wanted.failoverAfter = .seconds(60)
    wanted.keepaliveTime = .seconds(20)
    wanted.keepaliveTimeout = .seconds(3)
    #expect(read == wanted)
  }

  @Test func `TLS is on where tls_config or https asks for it`() throws {
    #expect(try gateway("address: a, tls_config: {ca_file: ca.pem}").isTLS)
    #expect(try gateway("address: 'https://a/', protocol: http").isTLS)
    #expect(try !gateway("address: 'http://a', protocol: http").isTLS)
  }

  @Test func `HTTP has a port of its own, and may have a proxy`() throws {
    let read = try gateway("address: a, protocol: http, proxy_url: 'http://p:3128'")
    #expect(read.addresses == [.server(host: "a", port: 15_611)] && read.http.proxy != nil)
  }

  @Test(arguments: [
    ("", "needs an address"), ("addresses: []", "needs an address"), ("address: a, addresses: [b]", "not both"),
    ("address: 'a:b'", "host:port"), ("address: 'unix:/run/gw'", "host:port"), ("address: 'https://a'", "tls: true"),
    ("addresses: [a, a]", "there twice"), ("address: a, proxy_url: 'http://p'", "is for HTTP"),
    ("address: a, follow_redirects: true", "is for HTTP"), ("address: a, enable_http2: true", "is for HTTP"),
    ("address: a, tls: false, tls_config: {server_name: s}", "says nothing"),
    ("address: a, protocol: smoke", "grpc or http"), ("address: a, encoding: smoke", "blocks or original"),
    ("address: a, timeout: 1ms", "at least 100ms"), ("address: a, keepalive_time: 1s", "at least 10s"),
    ("address: a, protocol: http, keepalive_time: 30s", "unknown key"), ("address: a, url: b", "unknown key"),
    ("addresses: ['http://a', 'https://b'], protocol: http", "all http"),
    ("address: 'https://a', tls: false, protocol: http", "with TLS"), ("address: a, oauth2: {}", "not support it yet"),
  ])
  func `What contradicts itself is refused`(keys: String, part: String) {
    let found = problems("forwarders: [{name: up, type: gateway\(keys.isEmpty ? "" : ", ")\(keys)}]")
    #expect(found.contains { $0.text.contains(part) }, "\(found)")
  }

  @Test func `Secrets are shown nowhere`() throws {
    let configuration = try parsed(
      "forwarders: [{name: up, type: gateway, address: a, bearer_token: planted-secret-token}]")
    #expect(!configuration.sanitizedText.contains("planted"))
    #expect(configuration.secrets.hide("is planted-secret-token there") == "is <secret> there")
  }

  @Test func `Each host is a sender of its own`() throws {
    let read = try gateway("address: a")
    let blocks = try read.makeForwarder(host: "till-7")
    #expect(blocks is GatewayForwarder && !blocks.takesPartsOfRows)
    var original = read
    original.encoding = .original
    #expect(try original.makeForwarder(host: "till-7") is OriginalGatewayForwarder)
    #expect(!HostName.current.isEmpty)
  }
}
