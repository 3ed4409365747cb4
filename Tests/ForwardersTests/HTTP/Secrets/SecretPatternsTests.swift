import Testing

@testable import HTTP

@Suite("A secret in a text")
struct SecretPatternsTests {
  private func hidden(_ text: String) -> String { SecretTexts().hide(text) }

  @Test(
    "shows by what stands around it",
    arguments: [
      ("https://user:pw@host:9090/x?a=1", "https://<secret>@host:9090/x?a=1"),
      ("get http://token@host failed", "get http://<secret>@host failed"),
      ("https://user:p/w@host/x", "https://<secret>@host/x"), ("https://a:b@c@host/", "https://<secret>@host/"),
      ("http://h/?auth=abc&x_credential=d", "http://h/?auth=<secret>&x_credential=<secret>"),
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
      "author=me",
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
