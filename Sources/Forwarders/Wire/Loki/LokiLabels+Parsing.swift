import Model

extension LokiLabels {
  /// No stream has more; a text of megabytes would hold millions of them, each with many times the memory of its text.
  static let limitPairs = 4096

  /// The labels of a text, in the order of their names, without those that have no value. Throws when it is not such a text, has a name twice, or more
  /// than 4,096 pairs; offsets are counted from the text's start.
  ///
  /// As Prometheus' parser of metrics: values in "…" or '…' with Go's escapes or in `…` as they stand, a name in front of the braces is `__name__`,
  /// names may be quoted, the last pair may have a comma behind it. What is not UTF-8 becomes U+FFFD.
  public static func parse(_ text: [UInt8]) throws(WireError) -> Labels {
    var parser = LabelTextParser(text)
    let labels = try parser.labels()
    var names = Set<ByteString>()
    for label in labels where !names.insert(ByteString(label.name)).inserted {
      // By scalars, since one character may have any number of them.
      let start = String(String.UnicodeScalarView(label.name.unicodeScalars.prefix(80)))
      throw WireError(.malformed, "labels: a name twice that begins with “\(start)”")
    }
    return Labels(labels.filter { !$0.value.isEmpty })
  }
}

private struct LabelTextParser {
  private let text: [UInt8]
  private var at = 0

  init(_ text: [UInt8]) { self.text = text }

  private var next: UInt8? { at < text.count ? text[at] : nil }

  mutating func labels() throws(WireError) -> [Label] {
    var labels: [Label] = []
    skipBlanks()
    if let byte = next, byte != UInt8(ascii: "{") {
      labels.append(Label(Labels.metricNameLabel, try identifier(colons: true)))
      skipBlanks()
      if next == nil { return labels }
    }
    try take(UInt8(ascii: "{"))
    while true {
      skipBlanks()
      if next == UInt8(ascii: "}") { break }
      guard labels.count < LokiLabels.limitPairs else {
        throw WireError(.tooLarge, "labels: more than \(LokiLabels.limitPairs)", at: at)
      }
      try labels.append(pair())
      skipBlanks()
      if next == UInt8(ascii: ",") {
        at += 1
      } else {
        break
      }
    }
    try take(UInt8(ascii: "}"))
    skipBlanks()
    guard next == nil else { throw fault("something stands behind the “}”") }
    return labels
  }

  private mutating func pair() throws(WireError) -> Label {
    let name: String
    if let byte = next, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
      let start = at
      name = try quoted()
      guard !name.isEmpty else { throw WireError(.malformed, "labels: an empty name", at: start) }
    } else {
      name = try identifier(colons: false)
    }
    skipBlanks()
    try take(UInt8(ascii: "="))
    skipBlanks()
    return Label(name, try quoted())
  }

  private mutating func identifier(colons: Bool) throws(WireError) -> String {
    let start = at
    while let byte = next,
      LokiLabels.isNameByte(byte, first: at == start) || (colons && byte == UInt8(ascii: ":"))
    {
      at += 1
    }
    guard at > start else { throw fault("a name belongs here") }
    return String(decoding: text[start..<at], as: UTF8.self)
  }

  private mutating func quoted() throws(WireError) -> String {
    guard let quote = next, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") || quote == UInt8(ascii: "`")
    else { throw fault("a text in quotes belongs here") }
    at += 1
    let start = at
    if quote == UInt8(ascii: "`") {
      guard let end = text[at...].firstIndex(of: quote) else { throw fault("the “`” is not closed") }
      at = end + 1
      return Self.string(Array(text[start..<end]))
    }
    // Nearly all texts have no escape.
    while let byte = next, byte != quote, byte != UInt8(ascii: "\\"), byte != UInt8(ascii: "\n") { at += 1 }
    var value = Array(text[start..<at])
    while true {
      guard let byte = next else { throw fault("the quotes are not closed") }
      switch byte {
      case quote:
        at += 1
        return Self.string(value)
      case UInt8(ascii: "\n"): throw fault("a line ends within quotes")
      case UInt8(ascii: "\\"): try escape(quote, into: &value)
      default:
        value.append(byte)
        at += 1
      }
    }
  }

  private static func string(_ bytes: [UInt8]) -> String { String(decoding: UTF8Repair.repaired(bytes), as: UTF8.self) }

  /// Go's escapes. `\x` and octal ones are bytes, the others characters.
  private mutating func escape(_ quote: UInt8, into value: inout [UInt8]) throws(WireError) {
    at += 1
    guard let kind = next else { throw fault("the quotes are not closed") }
    at += 1
    switch kind {
    case UInt8(ascii: "a"): value.append(0x07)
    case UInt8(ascii: "b"): value.append(0x08)
    case UInt8(ascii: "f"): value.append(0x0C)
    case UInt8(ascii: "n"): value.append(0x0A)
    case UInt8(ascii: "r"): value.append(0x0D)
    case UInt8(ascii: "t"): value.append(0x09)
    case UInt8(ascii: "v"): value.append(0x0B)
    case UInt8(ascii: "\\"), quote: value.append(kind)
    case UInt8(ascii: "x"): value.append(UInt8(truncatingIfNeeded: try number(digits: 2, radix: 16)))
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      at -= 1
      let byte = try number(digits: 3, radix: 8)
      guard byte < 256 else { throw fault("the octal escape \(byte), at most 255") }
      value.append(UInt8(byte))
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let number = try number(digits: kind == UInt8(ascii: "u") ? 4 : 8, radix: 16)
      guard let scalar = Unicode.Scalar(number) else { throw fault("no character has the number \(number)") }
      UTF8Repair.append(scalar, to: &value)
    default: throw fault("an escape that is not known")
    }
  }

  private mutating func number(digits: Int, radix: UInt32) throws(WireError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = next, let digit = Hexadecimals.value(byte), digit < radix else {
        throw fault("an escape needs \(digits) digits")
      }
      value = value * radix + UInt32(digit)
      at += 1
    }
    return value
  }

  private mutating func take(_ byte: UInt8) throws(WireError) {
    guard next == byte else { throw fault("“\(Unicode.Scalar(byte))” belongs here") }
    at += 1
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { at += 1 }
  }

  private func fault(_ what: String) -> WireError {
    WireError(next == nil ? .truncated : .malformed, "labels: \(what)", at: at)
  }
}
