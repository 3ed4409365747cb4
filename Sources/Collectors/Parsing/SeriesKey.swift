/// What a cache keeps of a series as its target writes it: the number of its bytes, and 108 bits of their hash.
///
/// In place of the bytes, which are five times as many. Two series are not taken for one in practice: the odds that it happens to any of a million
/// are below one in 10¹² for each start of the process, see ``KeyHash``. Only keys of the same hash can be compared.
public struct SeriesKey: Hashable, Sendable {
  /// The most that fits 20 bits.
  public static let limitBytes = (1 << 20) - 1

  /// Bits of the hash, as good for a hash table as any others.
  public let low: UInt64
  /// 44 more of them above the number of bytes.
  private let high: UInt64

  @inline(__always)
  init(low: UInt64, high: UInt64, count: Int) {
    self.low = low
    self.high = high & ~UInt64(Self.limitBytes) | UInt64(truncatingIfNeeded: count)
  }

  @inline(__always)
  var count: Int { Int(truncatingIfNeeded: high) & Self.limitBytes }
}
