/// `00000000000000000042.lmdb`: the offset of a segment's first row, so that the directory sorts by age.
enum SegmentName {
  static let suffix = ".lmdb"
  static let lockSuffix = ".lmdb-lock"
  static let sumsSuffix = ".sums"
  /// No log gets there; a name that claims more is none of ours, and sums of offsets cannot overflow.
  static let limitOffset: UInt64 = 1 << 62

  static func digits(_ first: UInt64) -> String {
    let digits = String(first)
    return String(repeating: "0", count: 20 - digits.count) + digits
  }

  static func file(_ first: UInt64) -> String { digits(first) + suffix }

  /// Nil for a name of another kind.
  static func first(_ name: String) -> UInt64? { number(name, suffix) }

  static func first(ofLock name: String) -> UInt64? { number(name, lockSuffix) }

  static func first(ofSums name: String) -> UInt64? { number(name, sumsSuffix) }

  private static func number(_ name: String, _ suffix: String) -> UInt64? {
    guard name.utf8.count == 20 + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
    guard name.utf8.prefix(20).allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt64(name.prefix(20)).flatMap { $0 < limitOffset ? $0 : nil }
  }
}
