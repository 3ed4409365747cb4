import Model

/// A stream's labels as one text: `{app="shop", filename="/var/log/a.log"}`.
///
/// Source: the original and promtail, which write each pair with Go's `%q`, sort the pairs as strings and join them with ", "; Prometheus' parser of metrics,
/// by which Loki reads them.
public enum LokiLabels {
  /// The label by which promtail's stages say the tenant; it is no part of the stream.
  static let tenantLabel = "__tenant_id__"

  /// The text of a stream. Labels without a value are left out, since to Loki these are no labels; so is the tenant's, unless it is to be kept.
  public static func text(of labels: Labels, keepingTenant: Bool = false) -> [UInt8] {
    var pairs: [[UInt8]] = []
    for label in labels.pairs where !label.value.isEmpty && (keepingTenant || label.name != tenantLabel) {
      var pair: [UInt8] = []
      pair.reserveCapacity(label.name.utf8.count + label.value.utf8.count + 4)
      // Other names can be said in quotes only.
      if isPlainName(label.name.utf8) {
        pair.append(contentsOf: label.name.utf8)
      } else {
        append(quoted: label.name, to: &pair)
      }
      pair.append(UInt8(ascii: "="))
      append(quoted: label.value, to: &pair)
      pairs.append(pair)
    }
    pairs.sort { $0.lexicographicallyPrecedes($1) }
    var out: [UInt8] = [UInt8(ascii: "{")]
    for (at, pair) in pairs.enumerated() {
      if at > 0 { out.append(contentsOf: [UInt8(ascii: ","), UInt8(ascii: " ")]) }
      out.append(contentsOf: pair)
    }
    out.append(UInt8(ascii: "}"))
    return out
  }

  /// `[a-zA-Z_][a-zA-Z0-9_]*`.
  static func isPlainName(_ name: some Sequence<UInt8>) -> Bool {
    var isFirst = true
    for byte in name {
      guard isNameByte(byte, first: isFirst) else { return false }
      isFirst = false
    }
    return !isFirst
  }

  static func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
    default: false
    }
  }

  /// As Go's strconv.Quote.
  static func append(quoted text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out.append(contentsOf: #"\""#.utf8)
      case "\\": out.append(contentsOf: #"\\"#.utf8)
      case " "..."~": out.append(UInt8(scalar.value))
      case "\u{07}": out.append(contentsOf: #"\a"#.utf8)
      case "\u{08}": out.append(contentsOf: #"\b"#.utf8)
      case "\u{09}": out.append(contentsOf: #"\t"#.utf8)
      case "\u{0A}": out.append(contentsOf: #"\n"#.utf8)
      case "\u{0B}": out.append(contentsOf: #"\v"#.utf8)
      case "\u{0C}": out.append(contentsOf: #"\f"#.utf8)
      case "\u{0D}": out.append(contentsOf: #"\r"#.utf8)
      default:
        if isPrintable(scalar) {
          UTF8Repair.append(scalar, to: &out)
        } else if scalar.value < 0x80 {
          hexadecimal("x", scalar.value, digits: 2, to: &out)
        } else if scalar.value < 0x10000 {
          hexadecimal("u", scalar.value, digits: 4, to: &out)
        } else {
          hexadecimal("U", scalar.value, digits: 8, to: &out)
        }
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func hexadecimal(_ kind: Unicode.Scalar, _ value: UInt32, digits: Int, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\\"))
    out.append(UInt8(ascii: kind))
    for at in stride(from: digits - 1, through: 0, by: -1) {
      out.append(Hexadecimals.digits[Int(value >> UInt32(4 * at) & 15)])
    }
  }

  /// Go's unicode.IsPrint: letters, marks, numbers, punctuation and symbols; of the blanks only ASCII's.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      false
    default: true
    }
  }
}
