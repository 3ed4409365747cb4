/// One name and its value, as Prometheus and Loki use them. Equal means equal bytes.
public struct Label: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.name.hasSameBytes(as: b.name) && a.value.hasSameBytes(as: b.value)
  }

  public func hash(into hasher: inout Hasher) {
    name.hashBytes(into: &hasher)
    value.hashBytes(into: &hasher)
  }
}

/// A set of labels in the order of their names, each name once: the identity of a series or a log stream.
///
/// The order is that of the names' UTF-8 bytes, which is what Prometheus' remote write and Loki expect.
public struct Labels: Hashable, Sendable {
  /// Sorted by name; no name twice.
  public let pairs: [Label]

  /// Sorts the labels; of two with one name the later one stays. Empty values are kept: whoever collects decides.
  public init(_ labels: [Label]) {
    // Nearly always sorted already, so the check is cheaper than a sort.
    if zip(labels, labels.dropFirst()).allSatisfy({ $0.name.precedesByBytes($1.name) }) {
      pairs = labels
      return
    }
    let sorted = labels.enumerated().sorted { a, b in
      a.element.name.hasSameBytes(as: b.element.name)
        ? a.offset < b.offset : a.element.name.precedesByBytes(b.element.name)
    }
    var unique: [Label] = []
    for (_, label) in sorted {
      if let last = unique.last, last.name.hasSameBytes(as: label.name) {
        unique[unique.count - 1] = label
      } else {
        unique.append(label)
      }
    }
    pairs = unique
  }

  /// The value of the label with this name, or nil.
  public subscript(name: String) -> String? {
    pairs.first { $0.name.hasSameBytes(as: name) }?.value
  }

  /// The metric's name, or the empty string.
  public var metricName: String { self[Labels.metricNameLabel] ?? "" }

  /// The label that holds the metric's name.
  public static let metricNameLabel = "__name__"
}

extension Labels: CustomStringConvertible {
  /// As PromQL writes it: `up{job="node"}`.
  public var description: String {
    let inner = pairs.filter { $0.name != Labels.metricNameLabel }
      .map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
    return inner.isEmpty ? (metricName.isEmpty ? "{}" : metricName) : "\(metricName){\(inner)}"
  }
}
