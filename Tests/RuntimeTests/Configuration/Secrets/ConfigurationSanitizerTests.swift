import Foundation
import Testing
import Yams

@testable import Runtime

@Suite("The configuration as it is shown")
struct ConfigurationSanitizerTests {
  private func sanitize(_ text: String) throws -> (text: String, secrets: SecretTexts) {
    ConfigurationSanitizer.sanitize(try #require(try Yams.compose(yaml: text)))
  }

  /// Each `PLANT` becomes a secret of its own, in a form that no rule knows by its look.
  private func plant(_ text: String) -> (text: String, planted: [String]) {
    var planted: [String] = []
    var result = ""
    for (index, part) in text.components(separatedBy: "PLANT").enumerated() {
      if index > 0 {
        planted.append("pl\(index)x\(String(UInt64.random(in: 0 ... .max), radix: 36))")
        result += planted[planted.count - 1]
      }
      result += part
    }
    return (result, planted)
  }

  private static let everything = """
    # a comment with PLANT
    global:
      external_labels: {site: here, anchored: &anchor PLANT}
    scrape_configs:
      - job_name: one
        basic_auth: &basic {username: me, password: PLANT}
        authorization: {type: Bearer, credentials: PLANT, credentials_file: /etc/token}
        bearer_token: "PLANT"
        oauth2:
          client_id: id
          client_secret: 'PLANT'
          token_url: https://me:PLANT@idp/token?client_secret=PLANT&x=1
          endpoint_params: {audience: all, client-secret: PLANT}
        tls_config:
          ca_file: /etc/ca.pem
          key: |
            -----BEGIN EC PRIVATE KEY-----
            PLANT
            PLANT
            -----END EC PRIVATE KEY-----
        proxy_url: http://PLANT@proxy:3128
        proxy_connect_header: {Proxy-Authorization: [PLANT, "Basic PLANT"]}
        http_headers:
          X-Secret: {secrets: [PLANT, PLANT], files: [/etc/header]}
          Authorization: {values: [PLANT]}
          X-Plain: {values: [shown-header]}
        params: {module: [shown-module], token: [PLANT]}
        relabel_configs:
          - {target_label: __param_auth, replacement: "http://x/?access_token=PLANT"}
      - job_name: two
        basic_auth:
          <<: *basic
        metrics_path: /probe/*anchor
        unknown: {future_password: PLANT, futureToken: PLANT, deep: {er: [{some_api_key: PLANT}]}}
        consul_sd_configs: [{server: consul, token: *anchor}]
        hetzner_sd_configs: [{bearer_token_file: /etc/x, authorization: Bearer PLANT}]
    forwarders:
      - name: remote
        url: https://user:PLANT@metrics.example/api/v1/write?sig=PLANT&tenant=shown-tenant
        headers: {X-Scope-OrgID: shown-org, X-Token: PLANT, X-Other: PLANT}
      - name: kafka
        sasl: {mechanism: PLAIN, username: kafka-user, password: PLANT}
        properties:
          sasl.jaas.config: 'Module required username="a" password="PLANT";'
          ssl.key.password: PLANT
        connection: Endpoint=sb://x;SharedAccessKeyName=root;SharedAccessKey=PLANT;
        address: "me:PLANT@broker:9092"
    """

  @Test func hasNoneOfThePlantedSecrets() throws {
    let (text, planted) = plant(Self.everything)
    let (shown, secrets) = try sanitize(text)
    #expect(planted.count > 30)
    for secret in planted { #expect(!shown.contains(secret), "\(secret) in\n\(shown)") }
    // Nor is there one in what a server might say.
    for secret in planted.dropFirst() {
      #expect(!secrets.hide("the server said: no \(secret) here").contains(secret), "\(secret)")
    }
  }

  @Test func hasAllThatIsNoSecret() throws {
    let (text, _) = plant(Self.everything)
    let shown = try sanitize(text).text
    for part in [
      "job_name: one", "username: me", "credentials_file: /etc/token", "/etc/ca.pem", "shown-header", "shown-module",
      "shown-tenant", "shown-org", "kafka-user", "proxy:3128", "metrics.example/api/v1/write", "site: here",
      "idp/token",
      "x=1", "/etc/header", "client_id: id", "broker:9092", "type: Bearer",
    ] {
      #expect(shown.contains(part), "\(part) is missing in\n\(shown)")
    }
  }

  @Test func isYAMLThatReadsTheSame() throws {
    let text = "a: {b: [1, \"2\", 'x: y', \"# no\"], c: \"l1\\nl2\"}\nempty:\nnull_one: ~\nd: \"true\"\npassword: x\n"
    let shown = try sanitize(text).text
    let again = try #require(try Yams.load(yaml: shown) as? [String: Any])
    #expect((again["a"] as? [String: Any])?["c"] as? String == "l1\nl2")
    #expect(((again["a"] as? [String: Any])?["b"] as? [Any])?[1] as? String == "2")
    #expect(again["d"] as? String == "true" && again["password"] as? String == "<secret>")
    #expect(again["empty"] is NSNull && again["null_one"] is NSNull)
  }

  @Test func hidesAShortSecretUnderItsAliasToo() throws {
    let shown = try sanitize("external_labels: {a: &x zq}\npassword: *x\nother: zq\n").text
    #expect(shown.contains("a: <secret>") && shown.contains("password: <secret>") && shown.contains("other: zq"))
  }

  @Test func keepsLabelsThatAreCalledLikeSecrets() throws {
    #expect(try sanitize("labels: {token: seen}\nexternal_labels: {key: kept}\n").text.contains("seen"))
  }

  @Test func endsAlthoughAliasesMakeAnEndlessText() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<12 {
      text +=
        "a\(level): &a\(level) [" + [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
    }
    let shown = try sanitize(text).text
    #expect(shown.hasPrefix("# cut off") && shown.utf8.count < 4_000_000, "\(shown.utf8.count)")
  }

  @Test func comesWithTheConfigurationAndKeepsSecretsOutOfComplaints() throws {
    let good = try Configuration.parse(
      "global: {external_labels: {site: a}} # remark\n", file: "test.yml", folder: "/")
    #expect(good.sanitizedText == "global:\n  external_labels:\n    site: a\n")
    do {
      _ = try Configuration.parse(
        "wal: {max_size: hunter-two}\npassword: hunter-two\nforwarders: [{type: \"http://a:threefour@b\"}]\n",
        file: "test.yml", folder: "/")
      Issue.record("that is no configuration")
    } catch {
      #expect(!error.description.contains("hunter-two") && !error.description.contains("threefour"), "\(error)")
      #expect(error.description.contains("“<secret>” is not a size"), "\(error)")
    }
  }
}
