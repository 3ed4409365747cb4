import HTTP
import Yams

/// All secrets that stand in a configuration, however large it is.
struct ConfigurationSecrets {
  private(set) var texts = SecretTexts()
  /// Where values were written that stand in a secret's place: an alias has the place of its anchor.
  private var marks: Set<[Int]> = []

  /// Each node is looked at once in each kind of place: aliases of aliases can make a small file into an endless text, but not into more nodes.
  private struct Visit: Hashable {
    enum Kind { case sequence, mapping }

    let kind: Kind
    let mark: [Int]
    let place: SecretPlace
  }

  init(of root: Node) {
    var visited: Set<Visit> = []
    var waiting: [(node: Node, place: SecretPlace)] = [(root, .plain)]
    func isNew(_ kind: Visit.Kind, _ mark: Mark?, _ place: SecretPlace) -> Bool {
      // What the parser made has a mark.
      guard let mark else { return true }
      return visited.insert(Visit(kind: kind, mark: [mark.line, mark.column], place: place)).inserted
    }
    while let (node, place) = waiting.popLast() {
      switch node {
      case .scalar(let scalar): learn(scalar, place)
      case .sequence(let sequence):
        guard isNew(.sequence, sequence.mark, place) else { continue }
        for element in sequence { waiting.append((element, place)) }
      case .mapping(let mapping):
        guard isNew(.mapping, mapping.mark, place) else { continue }
        for (key, value) in mapping {
          waiting.append((key, .plain))
          waiting.append((value, place.inner(key.scalar?.string ?? "", value)))
        }
      case .alias: break
      }
    }
  }

  private mutating func learn(_ scalar: Node.Scalar, _ place: SecretPlace) {
    guard !scalar.isEmpty else { return }
    if place.kind != .none {
      texts.insert(scalar.string, isCertain: place.kind == .secret)
      if let mark = scalar.mark { marks.insert([mark.line, mark.column]) }
      return
    }
    let bytes = Array(scalar.string.utf8)
    let found = SecretPatterns.find(in: bytes)
    for finding in found { texts.insert(String(decoding: bytes[finding.secret], as: UTF8.self)) }
    if found.isEmpty, let address = SecretPatterns.addressUserInfo(bytes) {
      texts.insert(String(decoding: bytes[address.secret], as: UTF8.self))
    }
  }

  /// Nil when the text is secret as a whole.
  func shown(_ scalar: Node.Scalar, _ place: SecretPlace) -> String? {
    guard !scalar.isEmpty else { return scalar.string }
    if place.kind != .none || scalar.mark.map({ marks.contains([$0.line, $0.column]) }) == true { return nil }
    let bytes = Array(scalar.string.utf8)
    guard SecretPatterns.find(in: bytes).isEmpty, let address = SecretPatterns.addressUserInfo(bytes) else {
      return texts.hide(scalar.string)
    }
    return texts.hide(SecretTexts.mark + String(decoding: bytes[address.range.upperBound...], as: UTF8.self))
  }
}

extension Node.Scalar {
  fileprivate var isEmpty: Bool { string.isEmpty || style == .plain && ["~", "null", "Null", "NULL"].contains(string) }
}
