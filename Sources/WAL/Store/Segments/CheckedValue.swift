import Codec

/// Small values (positions, ranges, totals, cursors) with a checksum behind them, since LMDB has none: a flipped bit in a
/// position must not become a wrong position.
///
///     offset  bytes  field
///     0       n      the value
///     n       8      XXH3-64 of key and value, little-endian
enum CheckedValue {
  static func seal(_ value: [UInt8], key: [UInt8]) -> [UInt8] {
    var out = ByteWriter(reserving: value.count + 8)
    out.raw(value)
    out.fixed(sum(key, value))
    return out.bytes
  }

  /// Nil when the checksum does not fit.
  static func open(_ stored: [UInt8], key: [UInt8]) -> [UInt8]? {
    guard stored.count >= 8 else { return nil }
    let value = Array(stored[..<(stored.count - 8)])
    var reader = ByteReader(offset: value.count, end: stored.count)
    guard let expected = try? reader.fixed(UInt64.self, "checksum", in: stored.span.bytes) else { return nil }
    return expected == sum(key, value) ? value : nil
  }

  private static func sum(_ key: [UInt8], _ value: [UInt8]) -> UInt64 {
    let both = key + value
    return Checksum.xxh3(both.span.bytes)
  }
}

extension Transaction {
  func putChecked(_ database: Database, _ key: [UInt8], _ value: [UInt8]) throws(LogError) {
    try put(database, key, CheckedValue.seal(value, key: key))
  }

  /// Nil when there is none, or when what there is does not fit its checksum.
  func checked(_ database: Database, _ key: [UInt8]) throws(LogError) -> [UInt8]? {
    guard let stored = try bytes(database, key) else { return nil }
    return CheckedValue.open(stored, key: key)
  }

  /// All entries whose checksum fits; how many did not.
  func allChecked(
    _ database: Database, _ body: ([UInt8], [UInt8]) throws(LogError) -> Void
  ) throws(LogError) -> Int {
    var damaged = 0
    try forEach(database) { (key: RawSpan, stored: RawSpan) throws(LogError) -> Bool in
      let key = key.copied()
      if let value = CheckedValue.open(stored.copied(), key: key) {
        try body(key, value)
      } else {
        damaged += 1
      }
      return true
    }
    return damaged
  }
}
