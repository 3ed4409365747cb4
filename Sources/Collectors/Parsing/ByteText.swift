import Glibc

extension Span<UInt8> {
  /// Whether these bytes stand at `start`.
  @inline(__always) func holds(_ text: StaticString, at start: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard start + length <= count else { return false }
    for i in 0..<length where self[start + i] != text.utf8Start[i] { return false }
    return true
  }

  /// Whether these bytes stand at `start`.
  @inline(__always) func holds(_ text: Span<UInt8>, at start: Int) -> Bool {
    guard start >= 0, text.count <= count &- start else { return false }
    return withUnsafeBufferPointer { all in
      text.withUnsafeBufferPointer { part in
        guard let base = all.baseAddress, let partBase = part.baseAddress else { return part.isEmpty }
        return memcmp(base + start, partBase, part.count) == 0
      }
    }
  }

  /// Whether these are all the bytes.
  @inline(__always) func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && holds(text, at: 0)
  }

  /// Whether the first range comes before the second in the order of their bytes.
  @inline(__always) func precedes(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
    let shared = Swift.min(a.count, b.count)
    var i = 0
    while i < shared {
      let x = self[a.lowerBound &+ i]
      let y = self[b.lowerBound &+ i]
      if x != y { return x < y }
      i &+= 1
    }
    return a.count < b.count
  }

  /// Whether the range comes before the text in the order of their bytes.
  @inline(__always) func precedes(_ a: Range<Int>, _ text: String) -> Bool {
    var i = a.lowerBound
    for byte in text.utf8 {
      guard i < a.upperBound else { return true }
      if self[i] != byte { return self[i] < byte }
      i &+= 1
    }
    return false
  }

  /// The index of the quote that closes the string whose opening quote stands at `open`. Nil when there is none, when a backslash stands
  /// before a line's end, or when a NUL is met where none is allowed.
  func endOfQuoted(from open: Int, allowingNull: Bool) -> Int? {
    var i = firstIndex(of: Byte.quote, or: Byte.backslash, from: open + 1)
    while i < count, self[i] == Byte.backslash {
      guard i + 1 < count, self[i + 1] != Byte.newline else { return nil }
      i = firstIndex(of: Byte.quote, or: Byte.backslash, from: i + 2)
    }
    guard i < count else { return nil }
    if !allowingNull {
      for at in open..<i where self[at] == Byte.null { return nil }
    }
    return i
  }

  /// The text with `\\` as a backslash, `\n` as a line's end and, with `quotes`, `\"` as a quote. A backslash before anything else stays.
  func unescaped(_ range: Range<Int>, quotes: Bool) -> String {
    var plain: [UInt8] = []
    plain.reserveCapacity(range.count)
    var i = range.lowerBound
    while i < range.upperBound {
      let byte = self[i]
      i += 1
      guard byte == Byte.backslash, i < range.upperBound else {
        plain.append(byte)
        continue
      }
      switch self[i] {
      case Byte.backslash: plain.append(Byte.backslash)
      case Byte.n: plain.append(Byte.newline)
      case Byte.quote where quotes: plain.append(Byte.quote)
      default:
        // Not an escape: the backslash stays, and what follows is read by itself.
        plain.append(Byte.backslash)
        continue
      }
      i += 1
    }
    return String(decoding: plain, as: UTF8.self)
  }
}
