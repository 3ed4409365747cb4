import Glibc

/// Bytes that the exposition formats give a meaning.
enum Byte {
  static let null: UInt8 = 0x00
  static let tab: UInt8 = 0x09
  static let newline: UInt8 = 0x0A
  static let space: UInt8 = 0x20
  static let quote: UInt8 = 0x22
  static let hash: UInt8 = 0x23
  static let plus: UInt8 = 0x2B
  static let comma: UInt8 = 0x2C
  static let minus: UInt8 = 0x2D
  static let dot: UInt8 = 0x2E
  static let zero: UInt8 = 0x30
  static let nine: UInt8 = 0x39
  static let colon: UInt8 = 0x3A
  static let equals: UInt8 = 0x3D
  static let backslash: UInt8 = 0x5C
  static let underscore: UInt8 = 0x5F
  static let n: UInt8 = 0x6E
  static let braceOpen: UInt8 = 0x7B
  static let braceClose: UInt8 = 0x7D

  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

  /// `[a-zA-Z_]`
  @inline(__always) static func isLabelStart(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte == underscore
  }

  /// `[a-zA-Z_:]`
  @inline(__always) static func isNameStart(_ byte: UInt8) -> Bool { isLabelStart(byte) || byte == colon }

  /// `[a-zA-Z_:0-9]`; the digits and the colon are neighbours in ASCII.
  @inline(__always) static func isNamePart(_ byte: UInt8) -> Bool {
    isLabelStart(byte) || byte &- zero < 11
  }

  /// `[a-zA-Z_0-9]`
  @inline(__always) static func isLabelPart(_ byte: UInt8) -> Bool { isLabelStart(byte) || isDigit(byte) }
}

/// Eight bytes looked at at once. The lowest bit set in a result marks the first match exactly; higher ones may be false,
/// because the subtraction borrows upwards, so only the lowest may be used.
enum Word {
  static let ones: UInt64 = 0x0101_0101_0101_0101
  static let highs: UInt64 = 0x8080_8080_8080_8080

  @inline(__always) static func matches(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ (ones &* UInt64(byte))
    return (difference &- ones) & ~difference & highs
  }
}

extension Span<UInt8> {
  /// The eight bytes from `at` on, the first one lowest. Traps like a subscript when they are not all there.
  @inline(__always) func word(at: Int) -> UInt64 {
    UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  /// The index of the first `byte` at `from` or later, or `count`. By memchr: right for long runs such as the rest of a line.
  @inline(__always) func firstIndex(of byte: UInt8, from: Int) -> Int {
    withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, from < buffer.count,
        let hit = memchr(base + from, Int32(byte), buffer.count - from)
      else { return buffer.count }
      return UnsafeRawPointer(hit) - UnsafeRawPointer(base)
    }
  }

  /// Whether the byte stands anywhere in the range.
  @inline(__always) func holds(_ byte: UInt8, in range: Range<Int>) -> Bool {
    let part = extracting(range)
    return part.firstIndex(of: byte, from: 0) < part.count
  }

  /// The index of the first of two bytes at `from` or later, or `count`. Right for short runs such as a label.
  @inline(__always) func firstIndex(of a: UInt8, or b: UInt8, from: Int) -> Int {
    var i = from
    while i &+ 8 <= count {
      let word = word(at: i)
      let hit = Word.matches(word, a) | Word.matches(word, b)
      if hit != 0 { return i &+ hit.trailingZeroBitCount &>> 3 }
      i &+= 8
    }
    while i < count, self[i] != a, self[i] != b { i &+= 1 }
    return i
  }

  /// The first index at `from` or later that holds neither space nor tab, or `count`.
  @inline(__always) func skipBlanks(from: Int) -> Int {
    var i = from
    while i < count, Byte.isBlank(self[i]) { i &+= 1 }
    return i
  }

  /// The index of the quote that closes a string whose content begins at `from`, or `count` when there is none.
  @inline(__always) func closingQuote(from: Int) -> Int {
    var i = firstIndex(of: Byte.quote, or: Byte.backslash, from: from)
    while i < count, self[i] == Byte.backslash {
      i = firstIndex(of: Byte.quote, or: Byte.backslash, from: Swift.min(i &+ 2, count))
    }
    return i
  }

  /// Whether the range holds any byte past ASCII.
  func holdsNonASCII(_ range: Range<Int>) -> Bool {
    var i = range.lowerBound
    var seen: UInt64 = 0
    while i &+ 8 <= range.upperBound {
      seen |= word(at: i)
      i &+= 8
    }
    while i < range.upperBound {
      seen |= UInt64(self[i])
      i &+= 1
    }
    return seen & Word.highs != 0
  }

  /// Whether the range is well-formed UTF-8.
  func isUTF8(_ range: Range<Int>) -> Bool {
    guard holdsNonASCII(range) else { return true }
    return (try? UTF8Span(validating: extracting(range))) != nil
  }

  /// The range as text; what is not UTF-8 becomes U+FFFD, so check first where that matters.
  func string(_ range: Range<Int>) -> String {
    extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}
