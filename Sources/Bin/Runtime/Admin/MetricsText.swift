/// Builds a page in Prometheus' text format 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
public struct MetricsText: Sendable {
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  public enum Kind: String, Sendable {
    case counter
    case gauge
  }

  public private(set) var text = ""

  public init() {}

  /// A family with one sample that has no labels.
  public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
    add(name, kind, help, [([], value)])
  }

  public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
    add(name, kind, help, Double(value))
  }

  /// A family; none at all when there is no sample.
  public mutating func add(
    _ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: [(name: String, value: String)], value: Double)]
  ) {
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(Self.escape(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    for sample in samples {
      text += name
      if !sample.labels.isEmpty {
        let pairs = sample.labels.map { "\($0.name)=\"\(Self.escape($0.value, quotes: true))\"" }
        text += "{" + pairs.joined(separator: ",") + "}"
      }
      text += " \(Self.format(sample.value))\n"
    }
  }

  static func format(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
    return "\(value)"
  }

  private static func escape(_ text: String, quotes: Bool) -> String {
    // By scalars: a Character may be a quote together with what combines with it.
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\"" where quotes: result.append(contentsOf: "\\\"".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
