/// An amount of bytes, written `10GiB`, `512MB`, `1.5TiB` or as a plain number.
///
/// KiB, MiB, GiB, TiB are powers of 1,024; KB, MB, GB, TB are powers of 1,000.
public struct ByteSize: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var bytes: Int

  public init(bytes: Int) { self.bytes = bytes }

  private static let units: [(suffix: String, bytes: Double)] = [
    ("", 1), ("B", 1), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("KiB", 1024), ("MiB", 1_048_576),
    ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776),
  ]

  /// Nil for anything else, for negative amounts and from 2^53 bytes on.
  public init?(parsing text: String) {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let amount = Double(digits), digits.first != ".", digits.last != ".",
      let unit = Self.units.first(where: { $0.suffix == text.dropFirst(digits.count) }),
      amount * unit.bytes < 9_007_199_254_740_992
    else { return nil }
    bytes = Int((amount * unit.bytes).rounded())
  }

  /// As `init(parsing:)`, except that KB, MB, … are powers of 1,024, too: for the sizes in Prometheus' own keys.
  public init?(parsingAsPrometheus text: String) {
    let isMetric = text.hasSuffix("KB") || text.hasSuffix("MB") || text.hasSuffix("GB") || text.hasSuffix("TB")
    self.init(parsing: isMetric ? "\(text.dropLast())iB" : text)
  }

  public static func < (a: Self, b: Self) -> Bool { a.bytes < b.bytes }

  /// With a binary unit, as `10GiB` or `1.5MiB`.
  public var description: String {
    for (suffix, size) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    where bytes >= size {
      let tenths = (bytes / (size / 64)) * 10 / 64
      return tenths % 10 == 0 ? "\(tenths / 10)\(suffix)" : "\(tenths / 10).\(tenths % 10)\(suffix)"
    }
    return "\(bytes)B"
  }
}
