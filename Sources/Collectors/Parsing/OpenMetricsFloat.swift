/// How a bucket's bound or a quantile is written as a label value, so that every exposition gives the same series.
///
/// Sources: OpenMetrics 1.0, "Canonical numbers"; prometheus/prometheus, model/textparse/openmetricsparse.go; Go's strconv.FormatFloat with 'g'.
enum OpenMetricsFloat {
  /// `1` as `1.0`, `1000000` as `1e+06`, `inf` as `+Inf`; a value that is no number stays as it is. Unlike sample values, hexadecimal numbers
  /// with a power count as numbers here.
  static func normalised(_ text: String) -> String {
    switch form(text) {
    case .canonical: text
    case .shortInteger: text + ".0"
    case .other: number(text).map(written) ?? text
    }
  }

  private enum Form {
    case canonical
    /// Only `.0` is missing.
    case shortInteger
    case other
  }

  /// Recognises what nearly every bound looks like without reading it as a number: up to six digits, or a decimal of at most 15 digits, which
  /// no shorter decimal shares its double with.
  private static func form(_ text: String) -> Form {
    let bytes = text.utf8
    if bytes.elementsEqual("+Inf".utf8) { return .canonical }
    var whole = 0
    var fraction = -1
    var firstNonZero = Int.max
    var first: UInt8 = 0
    var last: UInt8 = 0
    for byte in bytes {
      if byte == Byte.dot, fraction < 0 {
        fraction = 0
      } else if Byte.isDigit(byte) {
        if whole == 0 { first = byte }
        last = byte
        if fraction < 0 {
          whole += 1
        } else {
          fraction += 1
          if byte != Byte.zero { firstNonZero = min(firstNonZero, fraction) }
        }
      } else {
        return .other
      }
    }
    guard whole > 0, whole <= leastWrittenPower, first != Byte.zero || whole == 1 else { return .other }
    if fraction < 0 { return .shortInteger }
    guard fraction > 0, last != Byte.zero, whole + fraction <= 15 else { return .other }
    return first != Byte.zero || firstNonZero <= -leastPlainPower ? .canonical : .other
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
    var text: [UInt8] = value < 0 ? [Byte.minus] : []
    if power < leastPlainPower || power >= leastWrittenPower {
      text.append(digits[0])
      if digits.count > 1 { text += [Byte.dot] + digits[1...] }
      text += (power < 0 ? "e-" : "e+").utf8
      if power.magnitude < 10 { text.append(Byte.zero) }
      text += "\(power.magnitude)".utf8
    } else if point <= 0 {
      text += [Byte.zero, Byte.dot] + Array(repeating: Byte.zero, count: -point) + digits
    } else if digits.count <= point {
      text += digits + Array(repeating: Byte.zero, count: point - digits.count) + [Byte.dot, Byte.zero]
    } else {
      text += digits[..<point] + [Byte.dot] + digits[point...]
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Smaller powers of ten are written as such.
  private static let leastPlainPower = -4
  /// So are this one and larger ones, however many digits there are.
  private static let leastWrittenPower = 6

  /// The significant digits, without zeros at either end, and where the point stands: 0.d1d2… × 10^point. From Swift's own description, which
  /// gives the shortest digits, too.
  private static func shortestDigits(_ value: Double) -> (digits: [UInt8], point: Int) {
    var digits: [UInt8] = []
    digits.reserveCapacity(24)
    var point = 0
    var sawPoint = false
    var power = 0
    var rest = value.description.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case Byte.dot: sawPoint = true
      case 0x65:
        power = Int(Substring(rest)) ?? 0
        rest = rest[rest.endIndex...]
      case Byte.zero where digits.isEmpty: if sawPoint { point -= 1 }
      default:
        digits.append(byte)
        if !sawPoint { point += 1 }
      }
    }
    while digits.last == Byte.zero { digits.removeLast() }
    return (digits, point + power)
  }
}
