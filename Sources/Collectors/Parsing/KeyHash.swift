/// A 64-bit hash of the raw bytes of a series, for a cache in memory: fast on short keys, never stored.
///
/// 16 bytes a step, folded by a full 64×64 multiplication (the construction of wyhash). With a random seed a sender cannot aim at
/// collisions cheaply; a cache compares the bytes in any case.
public struct KeyHash: Sendable {
  private let seed: UInt64

  public init(seed: UInt64) { self.seed = seed ^ Self.a }

  /// Seeded from the system's generator.
  public init() {
    var generator = SystemRandomNumberGenerator()
    self.init(seed: generator.next())
  }

  public func callAsFunction(_ range: Range<Int>, in bytes: Span<UInt8>) -> UInt64 {
    let count = range.count
    var i = range.lowerBound
    var hash = seed
    while i &+ 16 <= range.upperBound {
      hash = Self.fold(bytes.word(at: i) ^ Self.a, bytes.word(at: i &+ 8) ^ hash)
      i &+= 16
    }
    var low: UInt64 = 0
    var high: UInt64 = 0
    let rest = range.upperBound &- i
    if rest >= 8 {
      // Overlapping words cover 8 to 15 bytes.
      low = bytes.word(at: i)
      high = bytes.word(at: range.upperBound &- 8)
    } else if count >= 8 {
      // Fewer than 8 are left, but the key is longer: its last 8.
      low = bytes.word(at: range.upperBound &- 8)
    } else {
      while i < range.upperBound {
        low = low &<< 8 | UInt64(bytes[i])
        i &+= 1
      }
    }
    hash = Self.fold(low ^ Self.b, high ^ hash)
    return Self.fold(hash ^ Self.c, UInt64(truncatingIfNeeded: count) ^ Self.b)
  }

  @inline(__always)
  private static func fold(_ x: UInt64, _ y: UInt64) -> UInt64 {
    let product = x.multipliedFullWidth(by: y)
    return product.high ^ product.low
  }

  // Odd, with about as many ones as zeros: the leading bits of the fractions of pi.
  private static let a: UInt64 = 0x243f_6a88_85a3_08d3
  private static let b: UInt64 = 0x1319_8a2e_0370_7345
  private static let c: UInt64 = 0xa409_3822_299f_31d1
}
