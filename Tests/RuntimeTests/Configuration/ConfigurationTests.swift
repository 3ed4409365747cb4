import Forwarders
import HTTP
import Model
import Testing

@testable import Runtime

func parsed(_ text: String, environment: [String: String] = [:]) throws(ConfigurationError) -> Configuration {
  try Configuration.parse(text, file: "agent.yml", folder: "/etc/clymene", environment: environment)
}

/// The problems that a text has, or none.
func problems(_ text: String) -> [ConfigurationProblem] {
  do {
    _ = try parsed(text)
    return []
  } catch {
    return error.problems
  }
}

@Suite("A configuration")
struct ConfigurationTests {
  @Test func isReadWhole() throws {
    let configuration = try parsed(
      """
      global:
        scrape_interval: 15s
        external_labels: {site: shop-7, zone: "${ZONE}"}
      scrape_configs:
        - job_name: node
          scrape_interval: 5s
          static_configs:
            - targets: [localhost:9100, "[::1]:9100"]
              labels: {rack: 3, empty: ""}
        - job_name: clymene
          static_configs:
            - targets: [localhost:15691]
      wal:
        directory: ./data/wal
        max_size: 2GiB
        max_age: 7d
        when_full: reject
        commit_interval: 500ms
        keep_delivered: 1h
        orphan_hold: 2d
        dedupe_window: 3d
      forwarders:
        - {name: local, type: file, path: /srv/out, start: 2026-11-23T09:30:00Z, max_file_size: 1MiB,
           max_file_age: 10m, compression: zstd}
      """, environment: ["ZONE": "north"])
    #expect(configuration.externalLabels == [Label("site", "shop-7"), Label("zone", "north")])
    #expect(
      configuration.scrapeJobs == [
        ScrapeJobSettings(
          name: "node", interval: .seconds(5), timeout: .seconds(5),
          targets: [
            .init(address: "localhost:9100", labels: [Label("rack", "3")]),
            .init(address: "[::1]:9100", labels: [Label("rack", "3")]),
          ]),
        ScrapeJobSettings(
          name: "clymene", interval: .seconds(15), timeout: .seconds(10),
          targets: [.init(address: "localhost:15691", labels: [])]),
      ])
    #expect(
      configuration.log
        == LogSettings(
          directory: "/etc/clymene/data/wal", maxSize: ByteSize(bytes: 2 << 30), maxAge: .seconds(7 * 86_400),
          whenFull: .reject, commitInterval: .milliseconds(500), keepDelivered: .seconds(3600),
          orphanHold: .seconds(2 * 86_400), dedupeWindow: .seconds(3 * 86_400)))
    #expect(
      configuration.forwarders == [
        ForwarderSettings(
          name: "local", start: .time(UnixMilliseconds(1_795_426_200_000)),
          delivery: .init(
            maxBackoff: .seconds(5), maxBytesPerSecond: nil, maxRequestsPerSecond: nil, refusals: .split),
          destination: .file(
            .init(
              directory: "/srv/out", maxFileSize: ByteSize(bytes: 1 << 20), maxFileAge: .seconds(600),
              compression: .zstd)))
      ])
  }

  @Test(
    "may be empty, and then has the documented defaults", arguments: ["", "# nothing\n", "{}", "scrape_configs:\n"])
  func empty(text: String) throws {
    let configuration = try parsed(text)
    #expect(configuration.scrapeJobs.isEmpty && configuration.forwarders.isEmpty)
    #expect(configuration.log.maxSize.bytes == 10 << 30 && configuration.log.maxAge == .seconds(30 * 86_400))
    #expect(configuration.log.whenFull == .dropOldest && configuration.log.commitInterval == .seconds(1))
    #expect(configuration.log.directory == "/etc/clymene/data/wal")
  }

  @Test func namesTheKeyOfAFolderThatIsTaken() {
    let found = problems("forwarders:\n  - {name: a, type: file, path: data/wal}")
    #expect(found.map { "\($0.line):\($0.column) \($0.path)" } == ["2:33 forwarders[0].path"])
    #expect(problems("forwarders: [{name: a, type: file, path: data/wal-out}]").isEmpty)
  }

  @Test func remarksOnWhatDoesNothing() throws {
    #expect(try parsed("").remarks.count == 2)
    #expect(try parsed("forwarders: [{name: a, type: file, path: o}]").remarks.count == 1)
  }

  @Test func takesAnAgeOfZeroForNoLimit() throws {
    #expect(try parsed("wal: {max_age: 0}").log.maxAge == nil)
  }

  @Test func capsTheDefaultTimeoutAtTheInterval() throws {
    let job = try parsed(
      """
      global: {scrape_interval: 5s}
      scrape_configs: [{job_name: a}]
      """
    ).scrapeJobs[0]
    #expect(job.timeout == .seconds(5))
  }

  @Test func resolvesMergeKeysAndAliases() throws {
    let configuration = try parsed(
      """
      scrape_configs:
        - &first
          job_name: a
          scrape_interval: 7s
        - <<: *first
          job_name: b
      """)
    #expect(configuration.scrapeJobs.map(\.name) == ["a", "b"])
    #expect(configuration.scrapeJobs[1].interval == .seconds(7))
  }

  @Test func readsAPrometheusForwarder() throws {
    let settings = try parsed(
      """
      forwarders:
        - name: central
          type: prometheus
          url: https://shop:s%40cret@metrics.example.org:8443/api/v1/write?x=1
          timeout: 10s
          concurrency: 8
          headers: {X-Site: shop-7, X-Number: 5}
          tenant_header: X-Scope-OrgID
          send_exemplars: false
          send_native_histograms: false
      """
    ).forwarders[0]
    var expected = PrometheusConfiguration(url: "https://metrics.example.org:8443/api/v1/write?x=1")
    expected.http.authentication = .basic(username: .text("shop"), password: .text("s@cret"))
    expected.timeout = .seconds(10)
    expected.shards = 8
    expected.http.headers = [
      .init(name: "X-Site", secrets: [.text("shop-7")]), .init(name: "X-Number", secrets: [.text("5")]),
    ]
    expected.tenantHeader = "X-Scope-OrgID"
    expected.options.exemplars = false
    expected.options.nativeHistograms = false
    #expect(settings.destination == .prometheus(expected))
    #expect(settings.type == "prometheus")
  }

  @Test func readsALokiForwarder() throws {
    let settings = try parsed(
      """
      forwarders:
        - name: central
          type: loki
          url: https://shop:s%40cret@logs.example.org:3100?x=1
          timeout: 10s
          concurrency: 8
          headers: {X-Site: shop-7}
          tenant_header: X-Tenant
          tenant_id: shop-7
          send_structured_metadata: false
        - {name: b, type: loki, url: "http://logs/own/path", bearer_token: t}
        - {name: c, type: loki, url: "http://logs/"}
      """
    ).forwarders
    var expected = LokiConfiguration(url: "https://logs.example.org:3100/loki/api/v1/push?x=1")
    expected.http.authentication = .basic(username: .text("shop"), password: .text("s@cret"))
    expected.timeout = .seconds(10)
    expected.shards = 8
    expected.http.headers = [.init(name: "X-Site", secrets: [.text("shop-7")])]
    expected.tenantHeader = "X-Tenant"
    expected.tenantID = "shop-7"
    expected.sendsStructuredMetadata = false
    #expect(settings[0].destination == .loki(expected))
    #expect(settings[0].type == "loki")
    var own = LokiConfiguration(url: "http://logs/own/path")
    own.http.authentication = .credentials(type: "Bearer", .text("t"))
    #expect(settings[1].destination == .loki(own))
    #expect(settings[2].destination == .loki(LokiConfiguration(url: "http://logs/loki/api/v1/push")))
  }

  @Test func whatMayBeSecretInAURLOrHeaderIsInNoMessage() {
    let found = problems(
      """
      forwarders:
        - {name: a, type: prometheus, url: "ftp://user:secret@db/w"}
        - {name: b, type: prometheus, url: "http://db/w", headers: {a: "secret\\u0001"}}
      """)
    #expect(found.count == 2 && found.allSatisfy { !$0.text.contains("secret") }, "\(found)")
  }

  @Test func namesLineColumnAndKeyOfEveryProblemAtOnce() {
    let found = problems(
      """
      global:
        scrape_interval: 15 s
        scrape_timout: 3s
      scrape_configs:
        - job_name: node
          fallback_scrape_protocol: PrometheusText0.0.4
          static_configs:
            - targets: ["http://host:1/x"]
      wal:
        when_full: explode
      """)
    #expect(
      found.map(\.description) == [
        "2:20: global.scrape_interval: “15 s” is not a duration (for example 15s, 1h30m or 30d)",
        "3:3: global.scrape_timout: unknown key; known here are body_size_limit, "
          + "external_labels, label_limit, label_name_length_limit, label_value_length_limit, sample_limit, "
          + "scrape_interval, scrape_timeout, stale_on_stop",
        "6:5: scrape_configs[0].fallback_scrape_protocol: Prometheus has this key, this version of Clymene does not support it yet",
        "8:19: scrape_configs[0].static_configs[0].targets[0]: “http://host:1/x” is not a target: "
          + "it is host:port, without scheme and path",
        "10:14: wal.when_full: “explode” is not drop-oldest or reject",
      ])
  }

  @Test(
    "is refused, and the message says why",
    arguments: [
      ("scrape_configs: [{job_name: a}, {job_name: a}]", "job name “a” stands in line"),
      ("scrape_configs: [{scrape_interval: 5s}]", "a job needs a name"),
      ("scrape_configs: [{job_name: ''}]", "a job needs a name"),
      ("scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]", "longer than the interval of 5s"),
      ("global: {scrape_interval: 5s, scrape_timeout: 6s}", "longer than the interval of 5s"),
      ("scrape_configs: [{job_name: a, static_configs: [null]}]", "an empty element"),
      ("scrape_configs: [null]", "an empty element"),
      ("scrape_configs: {job_name: a}", "a list is wanted here"),
      ("scrape_configs: [{job_name: a, static_configs: [{targets: [null]}]}]", "a target is wanted here"),
      ("scrape_configs: [{job_name: a, static_configs: [{targets: ['h:99999']}]}]", "up to 65535"),
      ("scrape_configs: [{job_name: a, static_configs: [{targets: ['::1']}]}]", "the host is missing"),
      ("global: {external_labels: {'': x}}", "a label needs a name"),
      ("global: {external_labels: {__name__: x}}", "cannot be set here"),
      ("global: {external_labels: [a]}", "a mapping of keys is wanted here"),
      ("wal: {max_size: 1MiB}", "too little"),
      ("wal: {max_size: much}", "is not a size"),
      ("wal: {commit_interval: 0}", "between 10ms and 1h"),
      ("wal: {max_sise: 1GiB}", "unknown key"),
      ("forwarders: [{name: a, type: file, path: o}, {name: a, type: file, path: p}]", "forwarder name “a” stands"),
      (
        "forwarders: [{name: a, type: file, path: o}, {name: b, type: file, path: ./o}]",
        "the folder of the forwarder “a”"
      ),
      ("forwarders: [{name: a, type: file, path: data/wal}]", "the folder of the log"),
      ("forwarders: [{name: a, type: file, path: data/wal/segments}]", "the folder of the log"),
      ("forwarders: [{name: a, type: file, path: /}]", "the folder of the log"),
      ("forwarders: [{type: file, path: o}]", "needs a name"),
      ("forwarders: [{name: 'a/b', type: file, path: o}]", "letters, digits"),
      ("forwarders: [{name: a, path: o}]", "needs a type"),
      ("forwarders: [{name: a, type: smoke}]", "not a type that this version has"),
      ("forwarders: [{name: a, type: file}]", "needs a path"),
      ("forwarders: [{name: a, type: file, path: o, start: yesterday}]", "oldest, newest or a time"),
      ("forwarders: [{name: a, type: file, path: o, compression: gzip}]", "none or zstd"),
      ("forwarders: [{name: a, type: prometheus}]", "needs a url"),
      ("forwarders: [{name: a, type: prometheus, url: 'db:9090/w'}]", "a URL is wanted here"),
      ("forwarders: [{name: a, type: prometheus, url: 'ftp://db/w'}]", "a URL is wanted here"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db:99999/w'}]", "between 1 and 65535"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db/w#x'}]", "behind “#”"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', timeout: 1ms}]", "at least 100ms"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', concurrency: 65}]", "from 1 to 64"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', concurrency: 0}]", "from 1 to 64"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', send_exemplars: 7}]", "true or false"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', headers: {Content-Type: x}}]", "by the protocol"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', headers: {'a b': x}}]", "not the name of a header"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', headers: {a: \"x\\ny\"}}]", "control characters"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', headers: {a: x, A: y}}]", "is set twice"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', tenant_header: Host}]", "by the protocol"),
      (
        "forwarders: [{name: a, type: prometheus, url: 'http://db', tenant_header: X-T, headers: {x-t: y}}]",
        "is the tenant_header"
      ),
      (
        """
        forwarders:
        - {name: a, type: prometheus, url: 'http://db', tenant_header: X-T, http_headers: {x-t: {values: [y]}}}
        """, "“x-t” is the tenant_header"
      ),
      (
        "forwarders: [{name: a, type: prometheus, url: 'http://db', headers: {X-Amz-Date: x}}]",
        "set by the protocol itself"
      ),
      (
        "forwarders: [{name: a, type: prometheus, url: 'http://db', headers: 'X-Key: ab'}]",
        "a mapping of keys is wanted here, not a text"
      ),
      ("forwarders: [{name: a, type: prometheus, url: 'http://u@db', bearer_token: t}]", "another key says who"),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', tls_config: {cert: x}}]", "needs both"),
      (
        "forwarders: [{name: a, type: prometheus, url: 'http://u:p@db', headers: {Authorization: y}}]",
        "are credentials already"
      ),
      ("forwarders: [{name: a, type: prometheus, url: 'http://db', path: o}]", "unknown key"),
      ("forwarders: [{name: a, type: loki}]", "needs a url"),
      ("forwarders: [{name: a, type: loki, url: 'logs:3100'}]", "a URL is wanted here"),
      ("forwarders: [{name: a, type: loki, url: 'http://l', concurrency: 0}]", "from 1 to 64"),
      ("forwarders: [{name: a, type: loki, url: 'http://l', tenant_id: \"a\\nb\"}]", "no control characters"),
      (
        "forwarders: [{name: a, type: loki, url: 'http://l', tenant_id: \(String(repeating: "t", count: 151))}]",
        "at most 150"
      ),
      ("forwarders: [{name: a, type: loki, url: 'http://l', headers: {x-scope-orgid: y}}]", "is the tenant_header"),
      ("forwarders: [{name: a, type: loki, url: 'http://l', send_exemplars: true}]", "unknown key"),
      ("a: [", "this is not YAML"),
      ("a: 1\na: 2", "stands there twice"),
      ("- a", "a mapping of keys is wanted here"),
      ("remote_write: []", "does not support it yet"),
      ("nonsense: 1", "unknown key"),
    ])
  func refused(text: String, part: String) throws {
    let found = problems(text)
    #expect(found.contains { $0.text.contains(part) }, "\(found)")
  }

  @Test(
    "says why a file cannot be read",
    arguments: [("/nonexistent/agent.yml", "No such file or directory"), ("/", "it is a folder")])
  func unreadable(file: String, reason: String) {
    #expect {
      try Configuration.load(file: file)
    } throws: { error in
      "\(error)" == "\(file): cannot be read: \(reason)"
    }
  }

  @Test func isRefusedWhateverItsNesting() {
    #expect(problems(String(repeating: "[", count: 100_000)).first?.text.contains("nesting") == true)
    let growing = (1..<30).map { "x\($0): &x\($0) {<<: [*x\($0 - 1), *x\($0 - 1), *x\($0 - 1)]}" }
    let text = (["x0: &x0 {a: b}"] + growing + ["global: {<<: *x29}"]).joined(separator: "\n")
    #expect(problems(text).contains { $0.text.contains("more than 4 deep") })
  }
}

@Suite("Environment variables in external labels")
struct EnvironmentExpansionTests {
  @Test(
    "are replaced as Prometheus does it",
    arguments: [
      ("foo", "foo"), ("${TEST}", "x"), ("foo${TEST}bar", "fooxbar"), ("foo$${TEST}", "foo${TEST}"),
      ("foo$$bar", "foo$bar"), ("$TEST-", "x-"), ("$MISSING.", "."), ("100$", "100$"), ("${TEST", "$" + "{TEST"),
    ])
  func replaced(text: String, result: String) {
    #expect(EnvironmentExpansion.expand(text, ["TEST": "x"]) == result)
  }
}
