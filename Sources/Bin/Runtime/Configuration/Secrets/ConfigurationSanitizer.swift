import Yams

/// A configuration as text without its secrets, from the document's tree: aliases and merge keys are resolved, so that a secret
/// is hidden wherever it was written. Comments are not kept.
struct ConfigurationSanitizer {
  /// Aliases of aliases can make a small file into an endless text.
  static let nodeLimit = 50_000
  private static let depthLimit = 60

  /// What a value's place says about it.
  private enum Place {
    case plain
    case secret(SecretKeys.Kind)
    /// Names are the user's own.
    case labels
    /// Names are those of headers.
    case headers
    /// Inside one header: values, secrets, files.
    case header(SecretKeys.Kind)
  }

  private(set) var secrets = SecretTexts()
  /// Where values were written that stand in a secret's place: an alias has the place of its anchor.
  private var secretMarks: Set<[Int]> = []
  private var visited = 0

  /// The text, and all secrets that were found.
  static func sanitize(_ root: Node) -> (text: String, secrets: SecretTexts) {
    var sanitizer = ConfigurationSanitizer()
    // Once to learn what is secret, and once more to hide it where it stands for something else.
    _ = sanitizer.copy(root, .plain, depth: 0)
    sanitizer.visited = 0
    let copy = sanitizer.copy(root, .plain, depth: 0)
    let text = (try? Yams.serialize(node: copy, width: -1, allowUnicode: true)) ?? ""
    let note = sanitizer.visited > nodeLimit ? "# cut off: more than \(nodeLimit) values\n" : ""
    return (note + text, sanitizer.secrets)
  }

  private mutating func copy(_ node: Node, _ place: Place, depth: Int) -> Node {
    visited += 1
    guard visited <= ConfigurationSanitizer.nodeLimit, depth < ConfigurationSanitizer.depthLimit else {
      return Node("…", .implicit, .plain)
    }
    switch node {
    case .scalar(let scalar): return copy(scalar, place)
    case .sequence(let sequence):
      var copies: [Node] = []
      for element in sequence where visited <= ConfigurationSanitizer.nodeLimit {
        copies.append(copy(element, place, depth: depth + 1))
      }
      return .sequence(Node.Sequence(copies, .implicit, sequence.style))
    case .mapping(let mapping):
      var pairs: [(Node, Node)] = []
      for (key, value) in mapping where visited <= ConfigurationSanitizer.nodeLimit {
        let name = key.scalar?.string ?? ""
        var inner = ConfigurationSanitizer.place(of: name, in: place)
        // In Prometheus a section, whose keys speak for themselves.
        if name == "authorization", case .plain = place, case .mapping = value { inner = .plain }
        pairs.append((copy(key, .plain, depth: depth + 1), copy(value, inner, depth: depth + 1)))
      }
      return .mapping(Node.Mapping(pairs, .implicit, mapping.style))
    case .alias: return Node("…", .implicit, .plain)
    }
  }

  private static func place(of key: String, in place: Place) -> Place {
    // A merged mapping's keys stand where the merge stands.
    if key == "<<" { return place }
    switch place {
    case .secret: return place
    case .labels: return .plain
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
      case "headers", "http_headers": return .headers
      case "proxy_connect_header": return .secret(.likely)
      default:
        let kind = SecretKeys.kind(key)
        return kind == .none ? .plain : .secret(kind)
      }
    }
  }

  private mutating func copy(_ scalar: Node.Scalar, _ place: Place) -> Node {
    let text = scalar.string
    if text.isEmpty || scalar.style == .plain && ["~", "null", "Null", "NULL"].contains(text) {
      return .scalar(Node.Scalar(text, .implicit, scalar.style))
    }
    let mark = scalar.mark.map { [$0.line, $0.column] }
    let kind: SecretKeys.Kind =
      switch place {
      case .secret(let kind), .header(let kind): kind
      case .plain, .labels, .headers: .none
      }
    if kind != .none {
      secrets.insert(text, isCertain: kind == .secret)
      if let mark { secretMarks.insert(mark) }
    }
    if kind != .none || mark.map(secretMarks.contains) == true {
      return Node(SecretTexts.mark, .implicit, .plain)
    }
    let bytes = Array(text.utf8)
    let found = SecretPatterns.find(in: bytes)
    for finding in found { secrets.insert(String(decoding: bytes[finding.secret], as: UTF8.self)) }
    var shown = text
    if found.isEmpty, let address = SecretPatterns.addressUserInfo(bytes) {
      secrets.insert(String(decoding: bytes[address.secret], as: UTF8.self))
      shown = SecretTexts.mark + String(decoding: bytes[address.range.upperBound...], as: UTF8.self)
    }
    return .scalar(Node.Scalar(secrets.hide(shown), .implicit, scalar.style))
  }
}
