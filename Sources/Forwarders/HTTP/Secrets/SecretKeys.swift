/// Which keys of a configuration, header names and parameters of a URL hold secrets, by their names alone: a key that a later version
/// or another program brings along is hidden as well.
public enum SecretKeys {
  /// How sure a name is.
  public enum Kind: Hashable, Sendable {
    /// The value is secret wherever it stands.
    case secret
    /// The value is hidden in its place; elsewhere the same text is hidden only when it is too long to be a common word.
    case likely
    case none
  }

  private static let exact: Set<String> = [
    "pwd", "pass", "passwd", "secrets", "tokens", "passwords", "credential", "credentials", "bearer", "authorization",
    "sasl_jaas_config", "connection_string", "dsn", "cookie", "set_cookie", "session", "sig", "signature",
  ]
  private static let endings = [
    "password", "passphrase", "passwd", "secret", "token", "_credential", "_credentials", "_secrets", "_tokens",
    "_passwords", "_signature", "_pem",
  ]
  private static let keyEndings = ["_key", "_keys", "apikey", "accesskey", "secretkey", "privatekey", "sharedkey"]

  public static func kind(_ name: String) -> Kind {
    let name = normal(name)
    if exact.contains(name) || endings.contains(where: name.hasSuffix) { return .secret }
    return name == "key" || keyEndings.contains(where: name.hasSuffix) ? .likely : .none
  }

  /// In the names of headers and of a URL's parameters, which others choose, wherever they stand in it.
  private static let words = [
    "auth", "token", "secret", "passw", "cookie", "session", "credential", "signature",
  ]

  /// Of a URL; without `__param_` where it is a label.
  public static func kind(ofParameter name: String) -> Kind {
    let kind = kind(name)
    let name = normal(name)
    if kind == .secret || words.contains(where: name.contains) { return .secret }
    return name.contains("key") ? .likely : kind
  }

  /// Headers that say who is asked for and how, not who asks.
  private static let plainHeaders: Set<String> = [
    "accept", "accept_encoding", "accept_language", "content_type", "content_encoding", "user_agent", "x_scope_org_id",
    "host",
  ]

  public static func kind(ofHeader name: String) -> Kind {
    let name = normal(name)
    if plainHeaders.contains(name) { return .none }
    return (words + ["api_key", "apikey"]).contains(where: name.contains) ? .secret : .likely
  }

  /// `client-Secret`, `clientSecret` and `client.secret` as `client_secret`.
  private static func normal(_ name: String) -> String {
    var result = ""
    var previousIsLower = false
    for scalar in name.unicodeScalars {
      switch scalar {
      case "A"..."Z":
        if previousIsLower { result += "_" }
        result.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value) | 0x20))
        previousIsLower = false
      case "-", ".", " ", ":":
        result += "_"
        previousIsLower = false
      default:
        result.unicodeScalars.append(scalar)
        previousIsLower = true
      }
    }
    return result
  }
}
