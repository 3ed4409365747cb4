import Model
import Parsing
import Wire

/// Keys of a message's series as they are spelled in it, by which known ones are found without a string.
struct SpellingKeys {
  /// One for each series; nil where it cannot be known again.
  private(set) var keys: [SeriesKey?] = []
  /// Of the metadata that came along; empty when none did.
  private(set) var metadata: [UInt32] = []

  init(_ columns: RemoteWriteColumns, _ version: RemoteWriteVersion, in message: [UInt8]) {
    keys.reserveCapacity(columns.series.count)
    switch version {
    case .v1: spell(columns, message.span)
    case .v2: spellSymbols(columns, message.span)
    }
  }

  /// 1.0: the bytes of the labels, which a sender writes the same each time.
  private mutating func spell(_ columns: RemoteWriteColumns, _ message: Span<UInt8>) {
    let hash = KeyHash.ofProcess
    for series in columns.series {
      keys.append(series.labelsAreScattered ? nil : hash.key(series.labels.range, in: message))
    }
  }

  /// 2.0: the numbers of symbols mean something else in each message, so each symbol is hashed once, and a series is the hashes of its symbols.
  private mutating func spellSymbols(_ columns: RemoteWriteColumns, _ message: Span<UInt8>) {
    let hash = KeyHash.ofProcess
    let symbols = columns.symbols.map { hash($0.range, in: message) }
    var words: [UInt8] = []
    for series in columns.series {
      let range = series.labels.range
      // The word in front tells them from spellings of 1.0, which begin otherwise.
      let count = (range.count + 1) * 8
      if words.count < count { words = [UInt8](repeating: 0xFF, count: max(count, 1024)) }
      let isKnown = words.withUnsafeMutableBytes { words in
        var at = 8
        for index in range {
          let reference = Int(columns.references[index])
          guard reference < symbols.count else { return false }
          words.storeBytes(of: symbols[reference], toByteOffset: at, as: UInt64.self)
          at += 8
        }
        return true
      }
      keys.append(isKnown ? hash.key(0..<count, in: words.span) : nil)
    }
    if columns.descriptions.isEmpty { return }
    metadata = [UInt32](repeating: 0, count: columns.series.count)
    for description in columns.descriptions {
      guard let help = symbols[checked: description.help], let unit = symbols[checked: description.unit] else {
        continue
      }
      guard description.type != .unknown || description.help != 0 || description.unit != 0 else { continue }
      var mixed = help ^ UInt64(description.type.rawValue) &* 0x9e37_79b9_7f4a_7c15
      mixed = (mixed ^ mixed >> 29) &* 0xbf58_476d_1ce4_e5b9 ^ unit
      metadata[description.series] = UInt32(truncatingIfNeeded: mixed >> 32) | 1
    }
  }
}

extension Array {
  /// Nil past the end.
  subscript(checked index: UInt32) -> Element? { Int(index) < count ? self[Int(index)] : nil }
}
