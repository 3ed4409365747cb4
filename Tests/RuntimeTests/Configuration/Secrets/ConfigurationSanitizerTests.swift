import Foundation
import HTTP
import Testing
import Yams

@testable import Runtime

@Suite("The configuration as it is shown")
struct ConfigurationSanitizerTests {
  private func sanitize(_ text: String) throws -> (text: String, secrets: SecretTexts) {
    ConfigurationSanitizer.sanitize(try #require(try Yams.compose(yaml: text)))
  }

  @Test func hasNoneOfThePlantedSecrets() throws {
    let (text, planted) = PlantedSecrets.plant()
    let (shown, secrets) = try sanitize(text)
    #expect(planted.count > 30)
    for secret in planted { #expect(!shown.contains(secret), "\(secret) in\n\(shown)") }
    // Nor is there one in what a server might say.
    for secret in planted.dropFirst() {
      #expect(!secrets.hide("the server said: no \(secret) here").contains(secret), "\(secret)")
    }
  }

  @Test func hasAllThatIsNoSecret() throws {
    let (text, _) = PlantedSecrets.plant()
    let shown = try sanitize(text).text
    for part in [
      "job_name: one", "username: me", "credentials_file: /etc/token", "/etc/ca.pem", "shown-header", "shown-module",
      "shown-parameter", "shown-label", "shown-target",
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

  @Test func hidesSecretsBeyondWhatItShows() throws {
    let numbers = [String](repeating: "1", count: ConfigurationSanitizer.nodeLimit).joined(separator: ",")
    let (shown, secrets) = try sanitize("a: [\(numbers)]\nb: {password: hunter-two}\n")
    #expect(shown.hasPrefix("# cut off"))
    #expect(secrets.hide("no hunter-two here") == "no <secret> here")
  }

  @Test func findsTheSecretsOfAnAliasInEachOfItsPlaces() throws {
    let (shown, secrets) = try sanitize("plain: &a [[hunter-two]]\nheaders: {x: 1}\npasswords: *a\nother: *a\n")
    #expect(!shown.contains("hunter"), "\(shown)")
    #expect(secrets.hide("hunter-two") == "<secret>")
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
