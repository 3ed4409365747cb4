/// A set of cell numbers, one bit each.
public struct Bitmap: Sendable, Equatable {
  @usableFromInline
  private(set) var words: [UInt64]
  public let count: Int

  public init(count: Int, allSet: Bool = false) {
    self.count = count
    words = [UInt64](repeating: allSet ? .max : 0, count: (count + 63) / 64)
    if allSet, count % 64 != 0 { words[words.count - 1] = (1 << UInt64(count % 64)) - 1 }
  }

  @inlinable
  public func isSet(_ index: Int) -> Bool { words[index >> 6] >> UInt64(index & 63) & 1 == 1 }

  mutating func set(_ index: Int) { words[index >> 6] |= 1 << UInt64(index & 63) }

  mutating func clear(_ index: Int) { words[index >> 6] &= ~(1 << UInt64(index & 63)) }

  /// Whether every bit of the range is set.
  func isAllSet(_ range: Range<Int>) -> Bool { matches(range, .max) }

  /// Whether no bit of the range is set.
  func isNoneSet(_ range: Range<Int>) -> Bool { matches(range, 0) }

  private func matches(_ range: Range<Int>, _ pattern: UInt64) -> Bool {
    var at = range.lowerBound
    while at < range.upperBound {
      let inWord = at & 63
      let count = min(64 - inWord, range.upperBound - at)
      let mask = (count == 64 ? UInt64.max : (1 << UInt64(count)) - 1) << UInt64(inWord)
      if (words[at >> 6] ^ pattern) & mask != 0 { return false }
      at += count
    }
    return true
  }

  public var setCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
