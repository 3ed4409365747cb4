import Glibc

/// What a token of an exposition says as a number.
enum ExpositionNumber: Equatable {
  case value(Double)
  /// It is written as a number, but no finite double is near it.
  case outOfRange
  case malformed
}

extension ExpositionNumber {
  /// Reads a whole token by the rules of Go's `strconv.ParseFloat` less what Prometheus excludes for the text format:
  /// decimal numbers, `inf` and `infinity` with or without a sign and `nan` without one, in any case. Neither hexadecimal numbers
  /// nor underscores; too large is an error, too small is zero.
  ///
  /// Source: go.dev/pkg/strconv (ParseFloat); prometheus/prometheus, model/textparse/promparse.go (parseFloat).
  init(_ token: Range<Int>, in bytes: Span<UInt8>) {
    var end = token.lowerBound
    if let value = Self.decimal(in: bytes, from: &end), end == token.upperBound {
      self = .value(value)
      return
    }
    let text = bytes.extracting(token)
    if let value = Self.special(text) {
      self = .value(value)
    } else if Self.isDecimal(text) {
      let value = Self.correctlyRounded(text)
      self = value.isInfinite ? .outOfRange : .value(value)
    } else {
      self = .malformed
    }
  }

  /// The number that begins at `at`, when a double holds mantissa and power of ten exactly, so that one multiplication or
  /// division rounds correctly (Clinger's fast path: mantissa at most 2^53, power at most 22); then `at` is where it ends. Nil
  /// for all others, `at` unchanged.
  @inline(__always) static func decimal(in bytes: Span<UInt8>, from at: inout Int) -> Double? {
    let count = bytes.count
    var i = at
    var negative = false
    if i < count, bytes[i] == Byte.minus {
      negative = true
      i &+= 1
    }
    var mantissa: UInt64 = 0
    let first = i
    while i < count, Byte.isDigit(bytes[i]) {
      mantissa = mantissa &* 10 &+ UInt64(bytes[i] &- Byte.zero)
      i &+= 1
    }
    var digits = i &- first
    var power = 0
    if i < count, bytes[i] == Byte.dot {
      i &+= 1
      let fraction = i
      while i < count, Byte.isDigit(bytes[i]) {
        mantissa = mantissa &* 10 &+ UInt64(bytes[i] &- Byte.zero)
        i &+= 1
      }
      power = fraction &- i
      digits &+= i &- fraction
    }
    // 19 digits always fit 64 bits, so `mantissa` has not wrapped around.
    guard digits > 0, digits <= 19, mantissa <= 1 << 53 else { return nil }
    if i < count, bytes[i] | 0x20 == 0x65 {
      i &+= 1
      var negativePower = false
      if i < count, bytes[i] == Byte.minus || bytes[i] == Byte.plus {
        negativePower = bytes[i] == Byte.minus
        i &+= 1
      }
      let firstOfPower = i
      var written = 0
      while i < count, Byte.isDigit(bytes[i]) {
        written = written &* 10 &+ Int(bytes[i] &- Byte.zero)
        i &+= 1
      }
      guard i > firstOfPower, i &- firstOfPower < 10 else { return nil }
      power &+= negativePower ? 0 &- written : written
    }
    var value = Double(mantissa)
    if power != 0 {
      guard power >= -22, power <= 22 else { return nil }
      value = power < 0 ? value / powersOfTen[0 &- power] : value * powersOfTen[power]
    }
    at = i
    return negative ? -value : value
  }

  private static let powersOfTen: InlineArray<23, Double> = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  private static func special(_ text: Span<UInt8>) -> Double? {
    guard text.count >= 3, text.count <= 9 else { return nil }
    var word = ""
    for i in text.indices {
      guard text[i] < 0x80 else { return nil }
      word.unicodeScalars.append(Unicode.Scalar(text[i]))
    }
    switch word.lowercased() {
    case "nan": return TextParser.canonicalNaN
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    default: return nil
    }
  }

  /// Sign, digits with at most one dot among or around them, and a power with at least one digit.
  private static func isDecimal(_ text: Span<UInt8>) -> Bool {
    let count = text.count
    var i = 0
    func skipDigits() -> Int {
      let first = i
      while i < count, Byte.isDigit(text[i]) { i += 1 }
      return i - first
    }
    func skipSign() { if i < count, text[i] == Byte.plus || text[i] == Byte.minus { i += 1 } }
    skipSign()
    var digits = skipDigits()
    if i < count, text[i] == Byte.dot {
      i += 1
      digits += skipDigits()
    }
    guard digits > 0 else { return false }
    if i < count, text[i] | 0x20 == 0x65 {
      i += 1
      skipSign()
      guard skipDigits() > 0 else { return false }
    }
    return i == count
  }

  /// By strtod, which wants a terminated copy and would take more than a decimal number; so `isDecimal` comes first. The process never
  /// leaves the C locale, so the dot is a dot.
  private static func correctlyRounded(_ text: Span<UInt8>) -> Double {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { copy in
      for i in text.indices { copy[i] = CChar(truncatingIfNeeded: text[i]) }
      copy[text.count] = 0
      return copy.baseAddress.map { strtod($0, nil) } ?? 0
    }
  }
}
