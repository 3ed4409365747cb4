import HTTP
import Yams

/// What a value's place in a configuration says about it.
enum SecretPlace: Hashable {
  case plain
  case secret(SecretKeys.Kind)
  /// Names are the user's own; those of parameters are as in a URL.
  case labels
  /// Names are those of a URL's parameters.
  case parameters
  /// Names are those of headers.
  case headers
  /// Inside one header: values, secrets, files.
  case header(SecretKeys.Kind)

  /// The place of a mapping's value.
  func inner(_ key: String, _ value: Node) -> SecretPlace {
    // A merged mapping's keys stand where the merge stands.
    if key == "<<" { return self }
    switch self {
    case .secret: return self
    case .labels:
      // What a target's labels say of its URL.
      let parameter = "__param_"
      return key.hasPrefix(parameter)
        ? .of(SecretKeys.kind(ofParameter: String(key.dropFirst(parameter.count)))) : .plain
    case .parameters: return .of(SecretKeys.kind(ofParameter: key))
    case .headers: return .header(SecretKeys.kind(ofHeader: key))
    case .header(let kind):
      switch key {
      case "secrets": return .secret(.secret)
      case "files": return .plain
      default: return kind == .secret ? .secret(.secret) : .plain
      }
    case .plain:
      switch key {
      case "labels", "external_labels": return .labels
      case "params", "endpoint_params": return .parameters
      case "headers", "http_headers": return .headers
      case "proxy_connect_header": return .secret(.likely)
      case "authorization":
        // In Prometheus a section, whose keys speak for themselves.
        if case .mapping = value { return .plain }
        return .secret(.secret)
      default: return .of(SecretKeys.kind(key))
      }
    }
  }

  private static func of(_ kind: SecretKeys.Kind) -> SecretPlace { kind == .none ? .plain : .secret(kind) }

  /// Of a text that stands here.
  var kind: SecretKeys.Kind {
    switch self {
    case .secret(let kind), .header(let kind): kind
    // Not a mapping by name, as it should be, but whole headers.
    case .headers: .likely
    case .plain, .labels, .parameters: .none
    }
  }
}
