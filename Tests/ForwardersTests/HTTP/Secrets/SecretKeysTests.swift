import Testing

@testable import HTTP

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

  @Test(
    "of a URL's parameter is secret by a word in its name", arguments: ["auth", "X-Credential", "mytokenid", "sig"])
  func ofAParameter(name: String) {
    #expect(SecretKeys.kind(ofParameter: name) == .secret)
  }

  @Test func ofAURLsOtherParametersIsPlain() {
    #expect(SecretKeys.kind(ofParameter: "some_key_id") == .likely)
    for name in ["module", "target", "match[]", "tenant"] { #expect(SecretKeys.kind(ofParameter: name) == .none) }
  }
}
