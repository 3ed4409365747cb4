import Foundation
import HTTP
import Model
import Testing
import Yams

@testable import Runtime

@Suite("The settings of scrape jobs")
struct ScrapeSettingsTests {
  @Test func areReadWhole() throws {
    let configuration = try parsed(
      """
      global: {sample_limit: 10, body_size_limit: 10MB, label_limit: 30, stale_on_stop: false}
      scrape_configs:
        - job_name: a
          scheme: https
          metrics_path: /probe
          params: {module: [http_2xx], target: [a, b]}
          honor_labels: true
          honor_timestamps: no
          enable_compression: false
          sample_limit: 20
          label_name_length_limit: 7
          label_value_length_limit: 8
          stale_on_stop: true
          basic_auth: {username: u, password_file: secrets/p}
          tls_config:
            {ca_file: ca.pem, cert_file: c.pem, key: inline, server_name: s, insecure_skip_verify: true,
             min_version: TLS12, max_version: TLS13}
          proxy_url: http://user:pass@proxy.example:3128
          no_proxy: 10.0.0.0/8
          proxy_connect_header: {X-Via: [a]}
          http_headers: {X-B: {values: [v], secrets: [s], files: [f]}, X-A: {values: [w]}}
          follow_redirects: false
          enable_http2: false
          static_configs:
            - targets: ["h:1"]
              labels: {__scheme__: http, __metrics_path__: /m, __param_target: c, __scrape_interval__: 5s,
                       __scrape_timeout__: 2s}
        - job_name: b
      """)
    let job = configuration.scrapeJobs[0]
    #expect(job.scheme == "https" && job.metricsPath == "/probe")
    #expect(job.params == ["module": ["http_2xx"], "target": ["a", "b"]])
    #expect(job.honorLabels && !job.honorTimestamps && !job.compression && job.staleOnStop)
    #expect(
      job.limits
        == .init(
          samples: 20, labels: 30, labelNameBytes: 7, labelValueBytes: 8, body: ByteSize(bytes: 10 << 20)))
    #expect(
      job.targets == [
        .init(
          address: "h:1",
          labels: [Label("__metrics_path__", "/m"), Label("__param_target", "c"), Label("__scheme__", "http")],
          interval: .seconds(5), timeout: .seconds(2))
      ])
    var http = HTTPConfiguration()
    http.authentication = .basic(username: .text("u"), password: .file("/etc/clymene/secrets/p"))
    http.tls.ca = .file("/etc/clymene/ca.pem")
    http.tls.certificate = .file("/etc/clymene/c.pem")
    http.tls.key = .text("inline")
    http.tls.serverName = "s"
    http.tls.insecureSkipVerify = true
    http.tls.minimumVersion = .tls12
    http.tls.maximumVersion = .tls13
    let proxy = ProxySettings.Server(
      host: "proxy.example", port: 3128, username: "user", password: .text("pass"))
    http.proxy = ProxySettings(
      http: proxy, https: proxy, exceptions: ProxyExceptions("10.0.0.0/8"), skipsLoopback: true)
    http.proxy?.connectHeaders = [HTTPHeaderSetting(name: "X-Via", secrets: [.text("a")])]
    http.headers = [
      HTTPHeaderSetting(name: "X-A", values: ["w"]),
      HTTPHeaderSetting(name: "X-B", values: ["v"], secrets: [.text("s"), .file("/etc/clymene/f")]),
    ]
    http.redirectLimit = 0
    http.http2 = false
    #expect(job.http == http)
    let other = configuration.scrapeJobs[1]
    #expect(other.http == HTTPConfiguration() && !other.staleOnStop && other.limits.samples == 10)
  }

  @Test func takeProxiesFromTheEnvironment() throws {
    let configuration = try parsed(
      "scrape_configs: [{job_name: a, proxy_from_environment: true}]",
      environment: ["HTTP_PROXY": "one:3128", "https_proxy": "http://two:1", "NO_PROXY": "x"])
    #expect(
      configuration.scrapeJobs[0].http.proxy
        == ProxySettings(
          http: .init(host: "one", port: 3128), https: .init(host: "two", port: 1), exceptions: ProxyExceptions("x"),
          skipsLoopback: true))
  }

  @Test(
    "are refused, with the key and without secrets",
    arguments: [
      ("bearer_token: hidden, basic_auth: {username: u}", "bearer_token", "at most one of basic_auth, bearer_token"),
      ("bearer_token: a, bearer_token_file: b", "bearer_token_file", "at most one of"),
      ("authorization: {credentials: hidden}, bearer_token: b", "bearer_token", "at most one of authorization"),
      ("authorization: {credentials: a}, basic_auth: {}", "authorization", "at most one of"),
      ("authorization: {type: Basic}", "authorization.type", "a key of its own: basic_auth"),
      ("authorization: {credentials: a, credentials_file: b}", "authorization.credentials_file", "at most one of"),
      (#"authorization: {credentials: "hidden\nX: y"}"#, "authorization.credentials", "no header can carry"),
      ("basic_auth: {password: a, password_file: b}", "basic_auth.password_file", "at most one of"),
      ("basic_auth: {username: a, username_file: b}", "basic_auth.username_file", "at most one of"),
      ("basic_auth: 'user:hidden'", "basic_auth", "not a text"),
      ("authorization: Bearer hidden", "authorization", "not a text"),
      ("http_headers: {A: {secrets: hidden}}", "http_headers.A.secrets", "not a text"),
      ("basic_auth: {password_ref: a}", "basic_auth.password_ref", "does not support it yet"),
      ("basic_auth: {pasword: a}", "basic_auth.pasword", "unknown key"),
      ("oauth2: {}", "oauth2", "does not support it yet"),
      ("tls_config: {cert_file: a}", "tls_config.cert_file", "key or key_file is missing"),
      ("tls_config: {key: hidden}", "tls_config.key", "cert or cert_file is missing"),
      ("tls_config: {ca: a, ca_file: b}", "tls_config.ca_file", "at most one of"),
      ("tls_config: {min_version: TLS13, max_version: TLS12}", "tls_config.max_version", "below min_version"),
      ("tls_config: {min_version: TLS14}", "tls_config.min_version", "TLS10, TLS11"),
      ("no_proxy: a", "no_proxy", "without proxy_url"),
      ("proxy_connect_header: {a: [b]}", "proxy_connect_header", "without proxy_url"),
      ("proxy_from_environment: true, proxy_url: 'http://a'", "proxy_url", "may not be set"),
      ("proxy_url: 'socks5://u:hidden@a'", "proxy_url", "http:// only"),
      ("proxy_url: 'hidden'", "proxy_url", "http://host:port"),
      ("http_headers: {Authorization: {values: [a]}}", "http_headers.Authorization", "has keys of its own"),
      ("http_headers: {'a b': {values: [a]}}", "http_headers.a b", "not the name of a header"),
      ("http_headers: {TE: {values: [a]}}", "http_headers.TE", "set by the protocol itself"),
      (#"http_headers: {A: {secrets: ["hidden\n"]}}"#, "http_headers.A.secrets[0]", "no header can carry"),
      ("http_headers: {A: [b]}", "http_headers.A", "a mapping of keys"),
      ("follow_redirects: maybe", "follow_redirects", "not true or false"),
      ("scheme: ftp", "scheme", "not http or https"),
      ("params: {a: b}", "params.a", "a list of texts"),
      ("sample_limit: -1", "sample_limit", "a whole number"),
      ("body_size_limit: big", "body_size_limit", "a size"),
      ("static_configs: [{labels: {__scheme__: ftp}}]", "static_configs[0].labels.__scheme__", "not http or https"),
      ("static_configs: [{labels: {__address__: a}}]", "static_configs[0].labels.__address__", "stand in targets"),
      ("static_configs: [{labels: {__meta_x: a}}]", "static_configs[0].labels.__meta_x", "relabelling only"),
      (
        "static_configs: [{labels: {__scrape_timeout__: 2m}}]", "static_configs[0].labels.__scrape_timeout__",
        "longer than the interval of 1m"
      ),
      (
        "static_configs: [{labels: {__scrape_interval__: 5s}}]", "static_configs[0].labels.__scrape_interval__",
        "longer than the interval of 5s"
      ),
      (
        "static_configs: [{labels: {__scrape_interval__: 0s}}]", "static_configs[0].labels.__scrape_interval__",
        "cannot be 0"
      ),
    ])
  func refused(keys: String, path: String, part: String) {
    let found = problems("scrape_configs: [{job_name: a, \(keys)}]")
    #expect(
      found.contains { $0.path == "scrape_configs[0].\(path)" && $0.text.contains(part) && $0.line == 1 }, "\(found)")
    #expect(!found.contains { "\($0)".contains("hidden") })
  }
}

/// The configurations of Prometheus' own HTTP client.
@Suite("Conformance: HTTP clients")
struct ConformanceHTTPClientTests {
  private struct Cases: Decodable {
    struct Case: Decodable {
      struct Expectation: Decodable {
        var valid: Bool
      }
      var name: String
      var file: String
      var expect: Expectation
    }
    var cases: [Case]
  }

  static let folder = ConformanceConfigurationTests.folder

  @Test(
    "get the verdict that Prometheus gives them",
    .enabled(if: ConformanceConfigurationTests.isThere, "the corpus is not there"))
  func verdicts() throws {
    let list = try JSONDecoder().decode(
      Cases.self, from: Data(contentsOf: Self.folder.appending(path: "http-client-config.json")))
    var compared = 0
    // Its token's file is missing, which Prometheus, too, finds out with the first request only.
    for item in list.cases where item.name != "http.conf.invalid-bearer-token-file.bad.yml" {
      let text = try String(contentsOf: Self.folder.appending(path: item.file), encoding: .utf8)
      // Some files are the section tls_config alone.
      let isTLS = item.name.hasPrefix("tls_config")
      let node = try #require(try Yams.compose(yaml: isTLS ? "tls_config: \(try flow(text))" : text))
      let problems = ProblemList()
      let reader = ConfigurationReader(problems: problems, folder: "/", environment: [:])
      var mapping = try #require(MappingReader(ConfigurationNode(node: node, path: ""), problems))
      _ = reader.httpClient(&mapping)
      mapping.finish(prometheusHas: PrometheusKeys.httpClient)
      if problems.problems.contains(where: { $0.kind == .notSupportedYet }) { continue }
      compared += 1
      #expect(problems.problems.isEmpty == item.expect.valid, "\(item.name): \(problems.problems)")
    }
    print("conformance, HTTP clients: \(compared) of \(list.cases.count) compared")
    #expect(compared > 15)
  }

  /// YAML as one line of JSON, so that it can stand behind a key.
  private func flow(_ text: String) throws -> String {
    let value = try Yams.load(yaml: text) as? [String: Any] ?? [:]
    return String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
  }
}
