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

  public var setCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
