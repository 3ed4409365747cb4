/// Hashes of the raw bytes of a series, for caches in memory: fast on short keys, never stored.
///
/// 16 bytes a step, each multiplied under secrets of its own, so that the steps do not wait for each other; the sum is folded twice under
/// other secrets into 128 bits. Two keys of one length that were written without knowledge of the secrets have the same sum with a probability
/// of 2⁻⁶⁴ at most: when a word that is the same in both meets its own negative among the secrets. So it is the number of different words that
/// counts, not the number of pairs of keys.
///
/// Source: Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message Authentication", 1999 (NH); the fold is wyhash's.
public struct KeyHash: Sendable {
  /// With secrets from the system's generator, so that no sender can aim at a collision; the same for the whole process.
  public static let ofProcess = {
    var generator = SystemRandomNumberGenerator()
    return KeyHash(seed: generator.next()) { generator.next() }
  }()

  /// Two for each of the steps between two folds, then those of the folds.
  private let secrets: [UInt64]
  private static let stepSecrets = 16
  private static let secretCount = stepSecrets + 4

  /// Always the same hashes, for tests and benchmarks.
  public init(seed: UInt64) { self.init(seed: seed) { 0 } }

  private init(seed: UInt64, _ random: () -> UInt64) {
    // splitmix64; what comes at random goes on top.
    var state = seed
    secrets = (0..<Self.secretCount).map { _ in
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31) ^ random()
    }
  }

  /// 64 bits of the hash.
  public func callAsFunction(_ range: Range<Int>, in bytes: Span<UInt8>) -> UInt64 { hashed(range, in: bytes).0 }

  /// What a cache keeps in place of the bytes; nil for more than ``SeriesKey/limitBytes`` of them.
  public func key(_ range: Range<Int>, in bytes: Span<UInt8>) -> SeriesKey? {
    guard range.count <= SeriesKey.limitBytes else { return nil }
    let (low, high) = hashed(range, in: bytes)
    return SeriesKey(low: low, high: high, count: range.count)
  }

  /// Whether these bytes, as many as the key has, are the key's.
  @inline(__always)
  func matches(_ key: SeriesKey, _ range: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    let (low, high) = hashed(range, in: bytes)
    return SeriesKey(low: low, high: high, count: range.count) == key
  }

  @inline(__always)
  private func hashed(_ range: Range<Int>, in bytes: Span<UInt8>) -> (UInt64, UInt64) {
    // `extracting` has checked the range once for all the words read below; the secrets have their number since `init`.
    secrets.withUnsafeBufferPointer { secrets in
      bytes.extracting(range).withUnsafeBytes { bytes in Self.hashed(bytes, secrets) }
    }
  }

  @inline(__always)
  private static func hashed(_ bytes: UnsafeRawBufferPointer, _ secrets: UnsafeBufferPointer<UInt64>) -> (
    UInt64, UInt64
  ) {
    // The number of bytes takes part, as zeros add nothing that is sure to differ from no bytes.
    let count = UInt64(truncatingIfNeeded: bytes.count)
    var folds = Folds(secrets[stepSecrets] ^ count, secrets[stepSecrets + 1] ^ count)
    var at = 0
    while bytes.count &- at > stepSecrets * 8 {
      var sum = Sum()
      for next in stride(from: 0, to: stepSecrets, by: 2) {
        sum.add(word(bytes, at) &+ secrets[next], word(bytes, at &+ 8) &+ secrets[next &+ 1])
        at &+= 16
      }
      folds.take(sum, secrets[stepSecrets + 2], secrets[stepSecrets + 3])
    }
    var sum = Sum()
    var next = 0
    let last = bytes.count &- 16
    if last < 0 {
      let (first, second) = short(bytes)
      sum.add(first &+ secrets[0], second &+ secrets[1])
    } else {
      // The last step covers the last 16 bytes, some of them once more.
      while at < last {
        sum.add(word(bytes, at) &+ secrets[next], word(bytes, at &+ 8) &+ secrets[next &+ 1])
        at &+= 16
        next &+= 2
      }
      sum.add(word(bytes, last) &+ secrets[next], word(bytes, last &+ 8) &+ secrets[next &+ 1])
    }
    folds.take(sum, secrets[stepSecrets + 2], secrets[stepSecrets + 3])
    return (folds.low, folds.high)
  }

  /// Under 16 bytes as two words; the words of two keys of one length are the same only if the keys are.
  @inline(__always)
  private static func short(_ bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    if bytes.count >= 8 { return (word(bytes, 0), word(bytes, bytes.count &- 8)) }
    var word: UInt64 = 0
    for byte in bytes { word = word &<< 8 | UInt64(byte) }
    return (word, 0)
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  /// Of the steps' products, modulo 2¹²⁸.
  private struct Sum {
    var low: UInt64 = 0
    var high: UInt64 = 0

    @inline(__always)
    mutating func add(_ x: UInt64, _ y: UInt64) {
      let product = x.multipliedFullWidth(by: y)
      let (sum, carry) = low.addingReportingOverflow(product.low)
      low = sum
      high = high &+ product.high &+ (carry ? 1 : 0)
    }
  }

  /// What the sums so far come to, twice 64 bits that know nothing of each other.
  private struct Folds {
    var low: UInt64
    var high: UInt64

    @inline(__always)
    init(_ low: UInt64, _ high: UInt64) { (self.low, self.high) = (low, high) }

    @inline(__always)
    mutating func take(_ sum: Sum, _ secret: UInt64, _ other: UInt64) {
      low = Self.fold(sum.low ^ low, sum.high ^ secret)
      high = Self.fold(sum.high ^ high, sum.low ^ other)
    }

    @inline(__always)
    private static func fold(_ x: UInt64, _ y: UInt64) -> UInt64 {
      let product = x.multipliedFullWidth(by: y)
      return product.high ^ product.low
    }
  }
}
