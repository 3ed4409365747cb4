/// One name and its value, as Prometheus and Loki use them.
public struct Label: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
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
    var sorted = labels
    // Nearly always sorted already, so the check is cheaper than a sort.
    if !zip(sorted, sorted.dropFirst()).allSatisfy({ Labels.utf8Less($0.name, $1.name) }) {
      var byName: [String: Int] = [:]
      var unique: [Label] = []
      for label in labels {
        if let at = byName[label.name] {
          unique[at] = label
        } else {
          byName[label.name] = unique.count
          unique.append(label)
        }
      }
      sorted = unique.sorted { Labels.utf8Less($0.name, $1.name) }
    }
    pairs = sorted
  }

  /// The value of the label with this name, or nil.
  public subscript(name: String) -> String? {
    pairs.first { $0.name == name }?.value
  }

  /// The metric's name, or the empty string.
  public var metricName: String { self[Labels.metricNameLabel] ?? "" }

  /// The label that holds the metric's name.
  public static let metricNameLabel = "__name__"

  private static func utf8Less(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}

extension Labels: CustomStringConvertible {
  /// As PromQL writes it: `up{job="node"}`.
  public var description: String {
    let inner = pairs.filter { $0.name != Labels.metricNameLabel }
      .map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
    return inner.isEmpty ? (metricName.isEmpty ? "{}" : metricName) : "\(metricName){\(inner)}"
  }
}
