import HTTP
import Yams

/// A configuration as text without its secrets, from the document's tree: aliases and merge keys are resolved, so that a secret
/// is hidden wherever it was written. Comments are not kept.
struct ConfigurationSanitizer {
  /// Aliases of aliases can make a small file into an endless text. Of what is shown; secrets are found beyond it, too.
  static let nodeLimit = 50_000
  private static let depthLimit = 60

  private let secrets: ConfigurationSecrets
  private var visited = 0

  private init(_ secrets: ConfigurationSecrets) { self.secrets = secrets }

  /// The text, and all secrets that were found.
  static func sanitize(_ root: Node) -> (text: String, secrets: SecretTexts) {
    var sanitizer = ConfigurationSanitizer(ConfigurationSecrets(of: root))
    let copy = sanitizer.copy(root, .plain, depth: 0)
    let text = (try? Yams.serialize(node: copy, width: -1, allowUnicode: true)) ?? ""
    let note = sanitizer.visited > nodeLimit ? "# cut off: more than \(nodeLimit) values\n" : ""
    return (note + text, sanitizer.secrets.texts)
  }

  private mutating func copy(_ node: Node, _ place: SecretPlace, depth: Int) -> Node {
    visited += 1
    guard visited <= ConfigurationSanitizer.nodeLimit, depth < ConfigurationSanitizer.depthLimit else {
      return Node("…", .implicit, .plain)
    }
    switch node {
    case .scalar(let scalar):
      guard let text = secrets.shown(scalar, place) else { return Node(SecretTexts.mark, .implicit, .plain) }
      return .scalar(Node.Scalar(text, .implicit, scalar.style))
    case .sequence(let sequence):
      var copies: [Node] = []
      for element in sequence where visited <= ConfigurationSanitizer.nodeLimit {
        copies.append(copy(element, place, depth: depth + 1))
      }
      return .sequence(Node.Sequence(copies, .implicit, sequence.style))
    case .mapping(let mapping):
      var pairs: [(Node, Node)] = []
      for (key, value) in mapping where visited <= ConfigurationSanitizer.nodeLimit {
        let inner = place.inner(key.scalar?.string ?? "", value)
        pairs.append((copy(key, .plain, depth: depth + 1), copy(value, inner, depth: depth + 1)))
      }
      return .mapping(Node.Mapping(pairs, .implicit, mapping.style))
    case .alias: return Node("…", .implicit, .plain)
    }
  }
}
