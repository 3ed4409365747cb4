/// JSON written straight into bytes.
///
/// Source: RFC 8259.
enum JSONText {
  /// A string with its quotes. The bytes have to be UTF-8.
  static func append(string bytes: some Sequence<UInt8>, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""): out.append(contentsOf: #"\""#.utf8)
      case UInt8(ascii: "\\"): out.append(contentsOf: #"\\"#.utf8)
      case 0x0A: out.append(contentsOf: #"\n"#.utf8)
      case 0x0D: out.append(contentsOf: #"\r"#.utf8)
      case 0x09: out.append(contentsOf: #"\t"#.utf8)
      case 0..<0x20:
        out.append(contentsOf: #"\u00"#.utf8)
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  static func append(string text: String, to out: inout [UInt8]) { append(string: text.utf8, to: &out) }

  private static let digits = Array("0123456789abcdef".utf8)

  static func append(_ number: some BinaryInteger, to out: inout [UInt8]) {
    var magnitude = UInt64(number.magnitude)
    if number < 0 { out.append(UInt8(ascii: "-")) }
    // Digits come last first, so they are put down behind each other and turned around.
    let start = out.count
    repeat {
      let (rest, digit) = magnitude.quotientAndRemainder(dividingBy: 10)
      out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
      magnitude = rest
    } while magnitude > 0
    out[start...].reverse()
  }

  /// The shortest digits that read back as the same double; whole numbers without a point. What JSON has no number for becomes a string: `"NaN"`,
  /// `"+Inf"`, `"-Inf"`.
  static func append(_ value: Double, to out: inout [UInt8]) {
    // Up to 2^53 every whole double is its digits; -0.0 is not "0".
    if value.magnitude < 9_007_199_254_740_992, let whole = Int64(exactly: value), whole != 0 || value.sign == .plus {
      append(whole, to: &out)
    } else if value.isFinite {
      var text = value.description
      text.withUTF8 { out.append(contentsOf: $0) }
    } else {
      out.append(contentsOf: value.isNaN ? #""NaN""#.utf8 : value > 0 ? #""+Inf""#.utf8 : #""-Inf""#.utf8)
    }
  }

  static func append(array values: some Sequence<Double>, to out: inout [UInt8]) {
    list(values, to: &out) { append($0, to: &$1) }
  }

  static func append(array values: some Sequence<some BinaryInteger>, to out: inout [UInt8]) {
    list(values, to: &out) { append($0, to: &$1) }
  }

  static func list<Element>(
    _ elements: some Sequence<Element>, to out: inout [UInt8], _ one: (Element, inout [UInt8]) -> Void
  ) {
    out.append(UInt8(ascii: "["))
    var first = true
    for element in elements {
      if !first { out.append(UInt8(ascii: ",")) }
      first = false
      one(element, &out)
    }
    out.append(UInt8(ascii: "]"))
  }

  /// Anything that stands as it is.
  static func append(raw text: StaticString, to out: inout [UInt8]) {
    out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
