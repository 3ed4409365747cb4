/// How a bucket's bound or a quantile is written as a label value, so that every exposition gives the same series.
///
/// Sources: OpenMetrics 1.0, "Canonical numbers"; prometheus/prometheus, model/textparse/openmetricsparse.go; Go's strconv.FormatFloat with 'g'.
enum OpenMetricsFloat {
  /// `1` as `1.0`, `1000000` as `1e+06`, `inf` as `+Inf`; a value that is no number stays as it is. Unlike sample values, hexadecimal numbers
  /// with a power count as numbers here.
  static func normalised(_ text: String) -> String {
    number(text).map(written) ?? text
  }

  private static func number(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    if case .value(let value) = ExpositionNumber(0..<bytes.count, in: bytes.span) { return value }
    // Hexadecimal numbers: Go wants the power, Swift does not.
    let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
    guard unsigned.hasPrefix("0x") || unsigned.hasPrefix("0X"), unsigned.contains(where: { $0 == "p" || $0 == "P" }),
      let value = Double(text), value.isFinite
    else { return nil }
    return value
  }

  /// The shortest digits that read back as the same double, always with a dot or a power of ten.
  static func written(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if value == 0 { return "0.0" }
    let (digits, point) = shortestDigits(value.magnitude)
    let power = point - 1
    var text = value < 0 ? "-" : ""
    if power < leastPlainPower || power >= leastWrittenPower {
      text += String(digits[0])
      if digits.count > 1 { text += "." + String(digits.dropFirst()) }
      text += power < 0 ? "e-" : "e+"
      text += power.magnitude < 10 ? "0\(power.magnitude)" : "\(power.magnitude)"
    } else if point <= 0 {
      text += "0." + String(repeating: "0", count: -point) + String(digits)
    } else if digits.count <= point {
      text += String(digits) + String(repeating: "0", count: point - digits.count) + ".0"
    } else {
      text += String(digits[..<point]) + "." + String(digits[point...])
    }
    return text
  }

  /// Smaller powers of ten are written as such.
  private static let leastPlainPower = -4
  /// So are this one and larger ones, however many digits there are.
  private static let leastWrittenPower = 6

  /// The significant digits, without zeros at either end, and where the point stands: 0.d1d2… × 10^point. From Swift's own description, which
  /// gives the shortest digits, too.
  private static func shortestDigits(_ value: Double) -> (digits: [Character], point: Int) {
    var digits: [Character] = []
    var point = 0
    var sawPoint = false
    var power = 0
    let text = value.description
    let mantissa = text.prefix { $0 != "e" }
    if mantissa.count < text.count { power = Int(text.dropFirst(mantissa.count + 1)) ?? 0 }
    for character in mantissa {
      if character == "." {
        sawPoint = true
        continue
      }
      if digits.isEmpty, character == "0" {
        if sawPoint { point -= 1 }
        continue
      }
      digits.append(character)
      if !sawPoint { point += 1 }
    }
    while digits.last == "0" { digits.removeLast() }
    return (digits, point + power)
  }
}
