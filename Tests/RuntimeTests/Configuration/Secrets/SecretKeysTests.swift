import Testing

@testable import Runtime

@Suite("A key")
struct SecretKeysTests {
  @Test(
    "is secret by its name",
    arguments: [
      "password", "bearer_token", "credentials", "secrets", "client_secret", "clientSecret", "sasl.password",
      "SASL-Password", "api_token", "some_future_password", "vault_token", "secret", "passphrase", "ssl.key.password",
      "sasl.jaas.config", "private_key_pem", "authToken", "dsn",
    ])
  func secret(name: String) {
    #expect(SecretKeys.kind(name) == .secret)
  }

  @Test("is likely secret by its name", arguments: ["key", "access_key", "apiKey", "apikey", "encryption-key"])
  func likely(name: String) {
    #expect(SecretKeys.kind(name) == .likely)
  }

  @Test(
    "is plain by its name",
    arguments: [
      "password_file", "bearer_token_file", "credentials_file", "key_file", "token_url", "client_id", "username",
      "job_name", "url", "keep_delivered", "targets", "",
    ])
  func plain(name: String) {
    #expect(SecretKeys.kind(name) == .none)
  }

  @Test func ofAHeaderIsPlainOnlyWhenItIsKnown() {
    #expect(SecretKeys.kind(ofHeader: "X-Scope-OrgID") == .none)
    #expect(SecretKeys.kind(ofHeader: "Authorization") == .secret)
    #expect(SecretKeys.kind(ofHeader: "X-Api-Key") == .secret)
    #expect(SecretKeys.kind(ofHeader: "X-Whatever") == .likely)
  }
}

@Suite("A secret in a text")
struct SecretPatternsTests {
  private func hidden(_ text: String) -> String { SecretTexts().hide(text) }

  @Test(
    "shows by what stands around it",
    arguments: [
      ("https://user:pw@host:9090/x?a=1", "https://<secret>@host:9090/x?a=1"),
      ("get http://token@host failed", "get http://<secret>@host failed"),
      ("https://user:p/w@host/x", "https://<secret>@host/x"), ("https://a:b@c@host/", "https://<secret>@host/"),
      ("http://host/?token=abc&x=1", "http://host/?token=<secret>&x=1"),
      ("http://host/?x=1&api_key=abc#f", "http://host/?x=1&api_key=<secret>#f"),
      ("http://u:p@h/?sig=a%2Fb", "http://<secret>@h/?sig=<secret>"), ("password='a b' x", "password='<secret>' x"),
      ("Endpoint=sb://x;SharedAccessKey=abc=;", "Endpoint=sb://x;SharedAccessKey=<secret>;"),
      ("x -----BEGIN EC PRIVATE KEY-----\nabc", "<secret>"),
      ("two http://a:b@c and http://d:e@f", "two http://<secret>@c and http://<secret>@f"),
    ])
  func found(text: String, shown: String) {
    #expect(hidden(text) == shown)
  }

  @Test(
    "is not seen where there is none",
    arguments: [
      "http://host:9090/metrics", "http://host/a@b", "http://host/?q=1&b=2", "a=b", "me@example.org", "://", "=", "@",
      "://@", "token=", "http://host?x=@", "-----BEGIN CERTIFICATE-----", "",
    ])
  func none(text: String) {
    #expect(hidden(text) == text)
  }

  @Test func neverTrapsOnAnyBytes() {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array(":/@?=&;#\"' abtokenpsw-\u{e9}\n%".utf8)
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator) ?? 0
      }
      let findings = SecretPatterns.find(in: bytes)
      for (one, next) in zip(findings, findings.dropFirst()) {
        #expect(one.range.upperBound <= next.range.lowerBound)
      }
      #expect(findings.allSatisfy { $0.range.upperBound <= bytes.count && !$0.range.isEmpty })
      _ = SecretPatterns.addressUserInfo(bytes)
    }
  }
}

@Suite("Known secrets")
struct SecretTextsTests {
  @Test func areHiddenWhereverTheyStandAndInEachForm() {
    var secrets = SecretTexts()
    secrets.insert("hunter%2Ftwo")
    secrets.insert("-----BEGIN X-----\nMIIEabcdef\n-----END X-----")
    #expect(secrets.hide("no hunter/two, no hunter%2Ftwo!") == "no <secret>, no <secret>!")
    #expect(secrets.hide("line MIIEabcdef.") == "line <secret>.")
    #expect(secrets.hide("-----END X-----") == "-----END X-----")
    #expect(secrets.hide("hunter/two\u{301}x").utf8.starts(with: "<secret>".utf8), "bytes count, not characters")
  }

  @Test func leaveNoRestOfALongerOne() {
    var secrets = SecretTexts()
    secrets.insert("abcdef")
    secrets.insert("abcdefghi")
    #expect(secrets.hide("abcdefghi") == "<secret>")
  }

  @Test func thatAreShortWordsAreNotLookedForEverywhere() {
    var secrets = SecretTexts()
    secrets.insert("up")
    secrets.insert("instance", isCertain: false)
    #expect(secrets.hide("the instance is up") == "the instance is up")
  }

  @Test func doNotShowThemselves() {
    var secrets = SecretTexts()
    secrets.insert("hunter-two")
    var dumped = ""
    dump(secrets, to: &dumped)
    #expect(
      ![dumped, "\(secrets)", String(reflecting: secrets), String(describing: [secrets])].contains {
        $0.contains("hunter")
      })
    #expect(!String(describing: Mirror(reflecting: secrets).children.map(\.value)).contains("hunter"))
  }
}
