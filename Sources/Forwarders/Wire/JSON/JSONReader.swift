/// Reads JSON value by value from bytes that somebody else holds, building nothing: what is wanted is taken, the rest is checked and passed over.
///
/// Written by hand because Foundation's readers build an object for everything that a sender puts into a body, have no bound on depth or memory,
/// and refuse a body whole for one byte that is not UTF-8, where Go's reader, for which the senders were written, puts U+FFFD. Strict otherwise: no comments,
/// no trailing commas, nothing behind the value.
///
/// The bytes are an argument of each call, so that the reader is a plain value and the memory stays in its owner's closure.
///
/// Source: RFC 8259; for what is not UTF-8 Go's encoding/json.
struct JSONReader {
  enum Kind: Equatable { case object, array, string, number, bool, null }

  /// How deep values may be inside each other where they are passed over.
  static let limitDepth = 256

  private(set) var offset = 0

  // MARK: Looking

  /// What comes next, behind blanks; nothing is taken.
  mutating func peek(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> Kind {
    skipBlanks(in: bytes)
    guard let byte = next(in: bytes) else { throw truncated(what) }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw WireError(.malformed, "\(what): no JSON value begins with the byte \(byte)", at: offset)
    }
  }

  // MARK: Objects and arrays

  mutating func begin(_ kind: Kind, _ what: StaticString, in bytes: RawSpan) throws(WireError) {
    guard try peek(what, in: bytes) == kind else {
      throw WireError(.malformed, "\(what): another kind of value than belongs there", at: offset)
    }
    offset += 1
  }

  /// The next member's name, its value is what comes next; nil at the object's end, which is taken.
  mutating func member(
    _ isFirst: inout Bool, _ what: StaticString, in bytes: RawSpan
  ) throws(WireError) -> String? {
    guard try goesOn(&isFirst, until: UInt8(ascii: "}"), what, in: bytes) else { return nil }
    let name = try text(what, in: bytes)
    skipBlanks(in: bytes)
    try take(UInt8(ascii: ":"), what, in: bytes)
    return name
  }

  /// Whether another element comes next; false at the array's end, which is taken.
  mutating func element(_ isFirst: inout Bool, _ what: StaticString, in bytes: RawSpan) throws(WireError) -> Bool {
    try goesOn(&isFirst, until: UInt8(ascii: "]"), what, in: bytes)
  }

  private mutating func goesOn(
    _ isFirst: inout Bool, until end: UInt8, _ what: StaticString, in bytes: RawSpan
  ) throws(WireError) -> Bool {
    skipBlanks(in: bytes)
    if next(in: bytes) == end {
      offset += 1
      return false
    }
    if !isFirst {
      try take(UInt8(ascii: ","), what, in: bytes)
      skipBlanks(in: bytes)
    }
    isFirst = false
    return true
  }

  /// Makes sure that nothing but blanks is left.
  mutating func end(_ what: StaticString, in bytes: RawSpan) throws(WireError) {
    skipBlanks(in: bytes)
    guard offset >= bytes.byteCount else {
      throw WireError(.malformed, "\(what): something stands behind its end", at: offset)
    }
  }

  // MARK: Strings

  /// A string, escapes undone. What is not UTF-8, and half a surrogate pair, becomes U+FFFD.
  mutating func string(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> [UInt8] {
    let run = try plainRun(what, in: bytes)
    if run.isWhole {
      let content = bytes.extracting(run.start..<run.end).withUnsafeBytes { [UInt8]($0) }
      return run.isASCII ? content : UTF8Repair.repaired(content)
    }
    var out: [UInt8] = []
    out.reserveCapacity(2 * (run.end - run.start) + 64)
    var plain = run.start..<run.end
    while true {
      bytes.extracting(plain).withUnsafeBytes { out.append(contentsOf: $0) }
      guard let byte = next(in: bytes) else { throw truncated(what) }
      if byte == UInt8(ascii: "\"") {
        offset += 1
        return UTF8Repair.repaired(out)
      }
      guard byte >= 0x20 else { throw controlCharacter(byte, what) }
      if byte == UInt8(ascii: "\\") { try escape(what, into: &out, in: bytes) }
      let start = offset
      while let byte = next(in: bytes), byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        offset += 1
      }
      plain = start..<offset
    }
  }

  /// As `string`; short ones without an allocation.
  mutating func text(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> String {
    let before = offset
    let run = try plainRun(what, in: bytes)
    if run.isWhole, run.isASCII {
      return bytes.extracting(run.start..<run.end).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
    offset = before
    return String(decoding: try string(what, in: bytes), as: UTF8.self)
  }

  /// What stands between the quotes up to the first escape; with none it is the whole string, and the closing quote is taken.
  private mutating func plainRun(
    _ what: StaticString, in bytes: RawSpan
  ) throws(WireError) -> (start: Int, end: Int, isWhole: Bool, isASCII: Bool) {
    guard try peek(what, in: bytes) == .string else {
      throw WireError(.malformed, "\(what): another kind of value than a string", at: offset)
    }
    let start = offset + 1
    let end = bytes.byteCount
    var at = start
    var all: UInt8 = 0
    while at < end {
      let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      if byte == UInt8(ascii: "\"") {
        offset = at + 1
        return (start, at, true, all < 0x80)
      }
      if byte == UInt8(ascii: "\\") {
        offset = at
        return (start, at, false, all < 0x80)
      }
      guard byte >= 0x20 else {
        offset = at
        throw controlCharacter(byte, what)
      }
      all |= byte
      at += 1
    }
    offset = end
    throw truncated(what)
  }

  private mutating func escape(_ what: StaticString, into out: inout [UInt8], in bytes: RawSpan) throws(WireError) {
    let at = offset
    offset += 1
    guard let kind = next(in: bytes) else { throw truncated(what) }
    offset += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(kind)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      let unit = try codeUnit(what, in: bytes)
      var value = UInt32(unit)
      if unit & 0xFC00 == 0xD800 {
        value = 0xFFFD
        // Only the other half is taken along with it.
        let behind = offset
        if next(in: bytes) == UInt8(ascii: "\\") {
          offset += 1
          if next(in: bytes) == UInt8(ascii: "u") {
            offset += 1
            let low = try codeUnit(what, in: bytes)
            if low & 0xFC00 == 0xDC00 { value = 0x10000 + UInt32(unit & 0x3FF) << 10 + UInt32(low & 0x3FF) }
          }
        }
        if value == 0xFFFD { offset = behind }
      }
      UTF8Repair.append(Unicode.Scalar(value) ?? "\u{FFFD}", to: &out)
    default: throw WireError(.malformed, "\(what): an escape that JSON does not have", at: at)
    }
  }

  private mutating func codeUnit(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next(in: bytes) else { throw truncated(what) }
      guard let digit = Hexadecimals.value(byte) else {
        throw WireError(.malformed, "\(what): an escape needs four hexadecimal digits", at: offset)
      }
      unit = unit << 4 | UInt16(digit)
      offset += 1
    }
    return unit
  }

  // MARK: What is passed over

  /// Takes a null if one comes next.
  mutating func takeNull(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> Bool {
    guard try peek(what, in: bytes) == .null else { return false }
    try literal("null", what, in: bytes)
    return true
  }

  /// Checks a value of any kind and goes behind it.
  mutating func skipValue(_ what: StaticString, in bytes: RawSpan) throws(WireError) {
    // One entry for each object or array that is open: whether it is an object, and whether its first member is still to come.
    var open: [(isObject: Bool, isFirst: Bool)] = []
    repeat {
      if let last = open.indices.last {
        if open[last].isObject {
          guard try goesOn(&open[last].isFirst, until: UInt8(ascii: "}"), what, in: bytes) else {
            open.removeLast()
            continue
          }
          try skipString(what, in: bytes)
          skipBlanks(in: bytes)
          try take(UInt8(ascii: ":"), what, in: bytes)
        } else if !(try goesOn(&open[last].isFirst, until: UInt8(ascii: "]"), what, in: bytes)) {
          open.removeLast()
          continue
        }
      }
      switch try peek(what, in: bytes) {
      case .object, .array:
        guard open.count < Self.limitDepth else {
          throw WireError(.tooLarge, "\(what): values more than \(Self.limitDepth) deep", at: offset)
        }
        open.append((next(in: bytes) == UInt8(ascii: "{"), true))
        offset += 1
      case .string: try skipString(what, in: bytes)
      case .number: try number(what, in: bytes)
      case .bool: try literal(next(in: bytes) == UInt8(ascii: "t") ? "true" : "false", what, in: bytes)
      case .null: try literal("null", what, in: bytes)
      }
    } while !open.isEmpty
  }

  private mutating func skipString(_ what: StaticString, in bytes: RawSpan) throws(WireError) {
    if try !plainRun(what, in: bytes).isWhole {
      var ignored: [UInt8] = []
      while true {
        guard let byte = next(in: bytes) else { throw truncated(what) }
        if byte == UInt8(ascii: "\"") { break }
        guard byte >= 0x20 else { throw controlCharacter(byte, what) }
        if byte == UInt8(ascii: "\\") {
          ignored.removeAll(keepingCapacity: true)
          try escape(what, into: &ignored, in: bytes)
        } else {
          offset += 1
        }
      }
      offset += 1
    }
  }

  private mutating func number(_ what: StaticString, in bytes: RawSpan) throws(WireError) {
    let start = offset
    if next(in: bytes) == UInt8(ascii: "-") { offset += 1 }
    let first = offset
    var isGood = digits(in: bytes) > 0
    if isGood, offset - first > 1, bytes.unsafeLoad(fromByteOffset: first, as: UInt8.self) == UInt8(ascii: "0") {
      isGood = false
    }
    if next(in: bytes) == UInt8(ascii: ".") {
      offset += 1
      if digits(in: bytes) == 0 { isGood = false }
    }
    if let byte = next(in: bytes), byte | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if let sign = next(in: bytes), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
      if digits(in: bytes) == 0 { isGood = false }
    }
    guard isGood else { throw WireError(.malformed, "\(what): not a number of JSON", at: start) }
  }

  private mutating func digits(in bytes: RawSpan) -> Int {
    let start = offset
    while let byte = next(in: bytes), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
    return offset - start
  }

  private mutating func literal(_ text: StaticString, _ what: StaticString, in bytes: RawSpan) throws(WireError) {
    for index in 0..<text.utf8CodeUnitCount { try take(text.utf8Start[index], what, in: bytes) }
  }

  // MARK: Bytes

  private func next(in bytes: RawSpan) -> UInt8? {
    offset < bytes.byteCount ? bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) : nil
  }

  private mutating func take(_ byte: UInt8, _ what: StaticString, in bytes: RawSpan) throws(WireError) {
    guard let found = next(in: bytes) else { throw truncated(what) }
    guard found == byte else {
      throw WireError(.malformed, "\(what): the byte \(found) where \(byte) belongs", at: offset)
    }
    offset += 1
  }

  private mutating func skipBlanks(in bytes: RawSpan) {
    while let byte = next(in: bytes), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  private func truncated(_ what: StaticString) -> WireError {
    WireError(.truncated, "\(what): the bytes end within JSON", at: offset)
  }

  private func controlCharacter(_ byte: UInt8, _ what: StaticString) -> WireError {
    WireError(.malformed, "\(what): the control character \(byte) in a string", at: offset)
  }
}

enum Hexadecimals {
  static func value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  static let digits = Array("0123456789abcdef".utf8)
}
