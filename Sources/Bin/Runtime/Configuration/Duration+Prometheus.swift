/// Durations as Prometheus writes them in configurations: `1h30m`, `15s`, `30d`, `250ms`, and `0`.
///
/// Units in descending order, each at most once, whole numbers: y (365 d), w, d, h, m, s, ms.
/// Source: prometheus/common, model/time.go, ParseDuration.
enum PrometheusDuration {
  private static let units: [(suffix: String, milliseconds: Int64)] = [
    ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
    ("ms", 1),
  ]

  /// Nil for anything else, and for more than 64 bits of nanoseconds (292 years).
  static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    guard !text.isEmpty else { return nil }
    var rest = Substring(text)
    var total: Int64 = 0
    var nextUnit = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let amount = Int64(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let suffix = rest.prefix { $0.isASCII && $0.isLetter }
      guard let unit = units[nextUnit...].firstIndex(where: { $0.suffix == suffix }) else { return nil }
      rest = rest.dropFirst(suffix.count)
      let (part, tooLarge) = amount.multipliedReportingOverflow(by: units[unit].milliseconds)
      let (sum, overflow) = total.addingReportingOverflow(part)
      // Prometheus keeps nanoseconds in 64 bits: 292 years.
      guard !tooLarge, !overflow, sum <= Int64.max / 1_000_000 else { return nil }
      total = sum
      nextUnit = unit + 1
    }
    return .milliseconds(total)
  }

  /// The shortest form that `parse` reads back; parts of a millisecond are cut off.
  static func format(_ duration: Duration) -> String {
    var rest = duration.wholeMilliseconds
    if rest <= 0 { return rest == 0 ? "0s" : "-" + format(.zero - duration) }
    var text = ""
    for (suffix, length) in units where rest >= length {
      // Years and weeks only where nothing is left over, as Prometheus prints them.
      if suffix == "y" || suffix == "w", rest % length != 0 { continue }
      text += "\(rest / length)\(suffix)"
      rest %= length
    }
    return text
  }
}

extension Duration {
  /// Cut off towards zero; the largest Int64 when it does not fit.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (thousandfold, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    return thousandfold.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
  }

  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
