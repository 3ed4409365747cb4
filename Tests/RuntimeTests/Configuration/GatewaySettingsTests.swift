import GatewayCollectors
import HTTP
import Model
import Testing

@testable import Runtime

@Suite("The section gateway") struct GatewaySettingsTests {
  private func parsed(_ yaml: String) throws(ConfigurationError) -> Configuration {
    try Configuration.parse(yaml, file: "g.yml", folder: "/etc/clymene")
  }

  private func problems(_ yaml: String) -> [String] {
    do {
      _ = try parsed(yaml)
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  @Test func `has the original's ports where it says nothing`() throws {
    let settings = try #require(try parsed("gateway: {}").gateway)
    #expect(settings.grpc == GatewayListener(host: "0.0.0.0", port: 15610))
    #expect(settings.http == GatewayListener(host: "0.0.0.0", port: 15611))
    #expect(settings.senders.isEmpty)
    #expect(try parsed("").gateway == nil)
  }

  @Test func `is read whole`() throws {
    let settings = try #require(
      try parsed(
        """
        gateway:
          grpc: {address: "127.0.0.1:1", tls: {cert_file: c.pem, key_file: /k.pem, client_ca_file: ca.pem}}
          http: none
          senders:
            - {name: a, bearer_token: t0k3n, tenant: shop, limits: {max_entries_per_second: 5}}
            - {name: b, basic_auth: {username: u, password_file: p}}
          limits: {max_body_size: 1MiB, max_connections: 7, idle_timeout: 1m, max_series_per_tenant: 9, max_series_of_all_tenants: 99}
        """
      ).gateway)
    #expect(
      settings.grpc
        == GatewayListener(
          host: "127.0.0.1", port: 1,
          tls: GatewayTLS(
            certificateFile: "/etc/clymene/c.pem", keyFile: "/k.pem", clientCAFile: "/etc/clymene/ca.pem")))
    #expect(settings.http == nil)
    #expect(settings.senders.map(\.tenant) == [Tenant("shop"), nil])
    #expect(settings.senders.first?.credentials == .bearer(.text("t0k3n")))
    #expect(settings.senders.last?.credentials == .basic(username: .text("u"), password: .file("/etc/clymene/p")))
    // Its own rate, and the rest of the gateway's.
    #expect(settings.senders.first?.limits?.entriesPerSecond == 5)
    #expect(settings.senders.first?.limits?.bodyBytes == 1 << 20)
    #expect(settings.limits.connections == 7)
    #expect(settings.limits.idleTimeout == .seconds(60))
    #expect(settings.limits.push.seriesPerTenant == 9)
    #expect(settings.limits.push.seriesOfAllTenants == 99)
  }

  @Test(
    "complains with line and key",
    arguments: [
      ("gateway: {grpc: none, http: none}", "listen nowhere"), ("gateway: {htpp: {}}", "unknown key"),
      ("gateway: {http: {address: nowhere}}", "not host:port"), ("gateway: {http: {tls: {cert_file: a}}}", "key_file"),
      ("gateway: {senders: [{name: a}]}", "bearer_token"), ("gateway: {senders: []}", "everybody"),
      ("gateway: {senders: [{name: a, bearer_token: x}, {name: a, bearer_token: y}]}", "line 1"),
      ("gateway: {senders: [{name: a, bearer_token: x, basic_auth: {username: a, password: b}}]}", "at most one"),
      ("gateway: {senders: [{name: a, basic_auth: {username: a}}]}", "a password"),
      ("gateway: {limits: {max_connections: 0}}", "between 1"), ("gateway: {limits: {body_timeout: 1ms}}", "100ms"),
    ])
  func complains(yaml: String, text: String) {
    let found = problems(yaml)
    #expect(found.contains { $0.hasPrefix("1:") && $0.contains(text) }, "\(found)")
  }

  @Test func `keeps its secrets`() throws {
    let configuration = try parsed(
      "gateway: {senders: [{name: a, bearer_token: abcdefgh}, {name: b, basic_auth: {username: u, password: ijklmnop}}]}"
    )
    #expect(!configuration.sanitizedText.contains("abcdefgh"))
    #expect(!configuration.sanitizedText.contains("ijklmnop"))
    #expect(configuration.secrets.hide("what abcdefgh says") == "what <secret> says")
    #expect(
      problems("gateway: {senders: [{name: a, bearer_token: {abcdefgh: ijklmnop}}]}").allSatisfy {
        !$0.contains("ijklmnop")
      })
  }

  @Test func `belongs to gateways, and scrape_configs to agents`() throws {
    let both = try parsed("gateway: {}\nscrape_configs: [{job_name: a, static_configs: [{targets: [b]}]}]")
    #expect(Role.agent.remarks(on: both).contains { $0.contains("the role agent receives nothing") })
    #expect(Role.gateway.remarks(on: both).contains { $0.contains("the role gateway scrapes nothing") })
    let own = try parsed("gateway: {}\nforwarders: [{name: a, type: file, path: o}]")
    #expect(Role.gateway.remarks(on: own).isEmpty)
    #expect(Role.promtailGateway.remarks(on: try parsed("forwarders: [{name: a, type: file, path: o}]")).isEmpty)
  }

  @Test func `gives way to the original's flags`() throws {
    var configuration = try parsed("gateway: {http: {address: \":1\"}}")
    let off = GatewayServerFlags(name: "grpc", address: "none")
    let on = GatewayServerFlags(name: "http", address: ":2", tls: true, certificate: "/c", key: "/k")
    configuration.apply(grpc: off, http: on)
    #expect(configuration.gateway?.grpc == nil)
    #expect(
      configuration.gateway?.http
        == GatewayListener(host: "0.0.0.0", port: 2, tls: GatewayTLS(certificateFile: "/c", keyFile: "/k")))
    #expect(GatewayServerFlags(name: "x", address: "nowhere").fault != nil)
    #expect(GatewayServerFlags(name: "x", tls: true).fault != nil)
    #expect(GatewayServerFlags(name: "x", certificate: "/c").fault != nil)
    #expect(on.fault == nil)
  }
}
