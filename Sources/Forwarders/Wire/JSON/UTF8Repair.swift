/// Bytes as UTF-8, with U+FFFD for each byte that is not part of it, as Go does.
///
/// Swift's own repair puts one for several bytes that begin a character together, which the original does not.
enum UTF8Repair {
  /// The same array when it is UTF-8 already.
  static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    if (try? UTF8Span(validating: bytes.span)) != nil { return bytes }
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count + 16)
    forEach(bytes[...]) { part in
      switch part {
      case .character(let range): out.append(contentsOf: bytes[range])
      case .invalid: out.append(contentsOf: replacement)
      }
    }
    return out
  }

  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  enum Part {
    case character(Range<Int>)
    case invalid(Int)
  }

  /// Calls `body` for each character, and for each byte that belongs to none.
  static func forEach(_ bytes: ArraySlice<UInt8>, _ body: (Part) -> Void) {
    var at = bytes.startIndex
    while at < bytes.endIndex {
      let length = length(at, bytes)
      body(length == 0 ? .invalid(at) : .character(at..<at + length))
      at += max(1, length)
    }
  }

  /// Bytes of the character that begins here; 0 when none does. Unicode 16, table 3-7.
  private static func length(_ at: Int, _ bytes: ArraySlice<UInt8>) -> Int {
    let first = bytes[at]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0..<0x80: return 1
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard bytes.endIndex - at >= length, second.contains(bytes[at + 1]) else { return 0 }
    for next in 2..<max(2, length) where bytes[at + next] & 0xC0 != 0x80 { return 0 }
    return length
  }

  static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) {
    out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }
}
