import Yams

/// A place in a YAML document and the way to it, so that every complaint can name line, column and key.
struct ConfigurationNode {
  var node: Node
  var path: String
  /// Under a key that may hold secrets, so that no complaint quotes what stands there.
  var isSecret = false

  var isNull: Bool {
    guard case .scalar(let scalar) = node else { return false }
    return scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// For messages: what stands there.
  var kind: String {
    switch node {
    case .scalar(let scalar): isNull ? "nothing" : isSecret ? "a text" : "“\(scalar.string.prefix(60))”"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }
}

extension ConfigurationNode {
  /// A scalar as it is written; nil, with a report, for anything else.
  func text(_ problems: ProblemList) -> Located<String>? {
    guard case .scalar(let scalar) = node, !isNull else {
      problems.report(self, "a text is wanted here, not \(kind)")
      return nil
    }
    return Located(scalar.string, self)
  }
}

/// Collects what is wrong while a document is read; reading goes on after a problem, so that one run shows them all.
final class ProblemList {
  private(set) var problems: [ConfigurationProblem] = []

  func report(_ place: ConfigurationNode, _ text: String, kind: ConfigurationProblem.Kind = .invalid) {
    problems.append(
      ConfigurationProblem(
        kind: kind, line: place.node.mark?.line ?? 0, column: place.node.mark?.column ?? 0, path: place.path,
        text: text))
  }
}

/// Reads the keys of one mapping, each once, and complains about those that nobody asked for.
struct MappingReader {
  private var entries: [(key: String, keyNode: ConfigurationNode, value: ConfigurationNode)] = []
  private var asked: Set<String> = []
  let place: ConfigurationNode
  let problems: ProblemList

  /// Nil, with a report, when there is no mapping. A missing value reads as an empty mapping.
  init?(_ place: ConfigurationNode, _ problems: ProblemList) {
    self.place = place
    self.problems = problems
    if place.isNull { return }
    guard case .mapping(let mapping) = place.node else {
      problems.report(place, "a mapping of keys is wanted here, not \(place.kind)")
      return nil
    }
    add(mapping, depth: 0)
  }

  private mutating func add(_ mapping: Node.Mapping, depth: Int) {
    var merged: [Node] = []
    for (keyNode, value) in mapping {
      guard case .scalar(let scalar) = keyNode else {
        problems.report(ConfigurationNode(node: keyNode, path: place.path), "a key has to be a plain word")
        continue
      }
      if scalar.string == "<<", scalar.style == .plain {
        merged.append(value)
        continue
      }
      // A merged-in key does not replace one that the mapping has itself.
      guard !entries.contains(where: { $0.key == scalar.string }) else { continue }
      let path = place.path.isEmpty ? scalar.string : "\(place.path).\(scalar.string)"
      entries.append(
        (
          scalar.string, ConfigurationNode(node: keyNode, path: path),
          ConfigurationNode(node: value, path: path, isSecret: place.isSecret)
        ))
    }
    for value in merged {
      // Merges of merges could be made to grow without end.
      guard depth < 4 else {
        problems.report(ConfigurationNode(node: value, path: place.path), "merge keys (<<) nested more than 4 deep")
        return
      }
      switch value {
      case .mapping(let inner): add(inner, depth: depth + 1)
      case .sequence(let list):
        for case .mapping(let inner) in list { add(inner, depth: depth + 1) }
      default:
        problems.report(ConfigurationNode(node: value, path: place.path), "a merge key (<<) wants a mapping")
      }
    }
  }

  /// Nil when the key is missing or has no value.
  mutating func value(_ key: String) -> ConfigurationNode? {
    asked.insert(key)
    guard let entry = entries.first(where: { $0.key == key }), !entry.value.isNull else { return nil }
    return entry.value
  }

  /// As `value`, for a key that may hold secrets.
  mutating func secretValue(_ key: String) -> ConfigurationNode? {
    var found = value(key)
    found?.isSecret = true
    return found
  }

  /// Whether the key stands there, with or without a value.
  func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

  /// A scalar as it is written, numbers and booleans too, as Prometheus reads strings.
  mutating func string(_ key: String) -> Located<String>? {
    guard let value = value(key) else { return nil }
    guard case .scalar(let scalar) = value.node else {
      problems.report(value, "a text is wanted here, not \(value.kind)")
      return nil
    }
    return Located(scalar.string, value)
  }

  /// A scalar that `parse` understands; otherwise a report that says what was wanted.
  mutating func scalar<Value>(_ key: String, wanted: String, _ parse: (String) -> Value?) -> Located<Value>? {
    guard let text = string(key) else { return nil }
    guard let parsed = parse(text.value) else {
      problems.report(text.place, "“\(text.value)” is not \(wanted)")
      return nil
    }
    return Located(parsed, text.place)
  }

  mutating func duration(_ key: String) -> Located<Duration>? {
    scalar(key, wanted: "a duration (for example 15s, 1h30m or 30d)", PrometheusDuration.parse)
  }

  mutating func size(_ key: String) -> Located<ByteSize>? {
    scalar(key, wanted: "a size (for example 10GiB, 512MB or a number of bytes)", ByteSize.init(parsing:))
  }

  /// YAML's words for yes and no, as Prometheus' reader takes them.
  mutating func bool(_ key: String) -> Bool? {
    scalar(key, wanted: "true or false") { text in
      switch text {
      case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y": true
      case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N": false
      default: nil
      }
    }?.value
  }

  /// A whole number that is not negative.
  mutating func count(_ key: String) -> Located<Int>? {
    scalar(key, wanted: "a whole number, 0 or more") { text in
      text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int(text) : nil
    }
  }

  /// The texts of a list; empty when the key is missing.
  mutating func strings(_ key: String) -> [Located<String>] {
    (list(key) ?? []).compactMap { $0.text(problems) }
  }

  /// The elements of a list; nil when the key is missing.
  mutating func list(_ key: String) -> [ConfigurationNode]? {
    guard let value = value(key) else { return nil }
    guard case .sequence(let sequence) = value.node else {
      problems.report(value, "a list is wanted here, not \(value.kind)")
      return nil
    }
    return sequence.enumerated().map {
      ConfigurationNode(node: $0.element, path: "\(value.path)[\($0.offset)]", isSecret: value.isSecret)
    }
  }

  /// All keys with their values, as texts: for mappings whose keys are the user's.
  mutating func texts() -> [(key: ConfigurationNode, name: String, value: String)] {
    entries.compactMap { entry in
      guard case .scalar(let scalar) = entry.value.node else {
        problems.report(entry.value, "a text is wanted here, not \(entry.value.kind)")
        return nil
      }
      return (entry.keyNode, entry.key, entry.value.isNull ? "" : scalar.string)
    }
  }

  /// All keys with their values, whatever these are: for mappings whose keys are the user's.
  func values() -> [(key: ConfigurationNode, name: String, value: ConfigurationNode)] {
    entries.map { ($0.keyNode, $0.key, $0.value) }
  }

  /// Reports each key that was not asked for: as not supported yet when Prometheus has it, as unknown otherwise.
  func finish(prometheusHas: Set<String> = []) {
    for entry in entries where !asked.contains(entry.key) {
      if prometheusHas.contains(entry.key) {
        problems.report(
          entry.keyNode, "Prometheus has this key, this version of Clymene does not support it yet",
          kind: .notSupportedYet)
      } else {
        let known = asked.sorted().joined(separator: ", ")
        problems.report(entry.keyNode, "unknown key; known here are \(known)")
      }
    }
  }
}

/// A value and where it came from, for checks that look at several values.
struct Located<Value> {
  var value: Value
  var place: ConfigurationNode

  init(_ value: Value, _ place: ConfigurationNode) {
    self.value = value
    self.place = place
  }
}
