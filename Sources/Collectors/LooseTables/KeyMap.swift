import Parsing

/// Keys of series to the slots of their series: 24 bytes a key and 8 to 16 for finding it.
///
/// Senders send their series in the same order nearly every time, so a key is first compared with the one that was taken up after the previous; only
/// when that fails is it looked up.
struct KeyMap: Sendable {
  private struct Entry: Sendable {
    let key: SeriesKey
    let slot: UInt32
  }

  private var entries: [Entry] = []
  /// Entry number + 1 by hash, 0 where empty; a power of two, at most half full.
  private var buckets = [UInt32](repeating: 0, count: 64)

  var count: Int { entries.count }

  /// The number of the key's entry, or nil. `expected` is the number that it most likely has, any number is allowed.
  @inline(__always)
  func find(_ key: SeriesKey, expected: Int) -> Int? {
    if expected < entries.count, entries[expected].key == key { return expected }
    let mask = buckets.count &- 1
    var at = Int(truncatingIfNeeded: key.low) & mask
    while buckets[at] != 0 {
      let candidate = Int(buckets[at]) &- 1
      if entries[candidate].key == key { return candidate }
      at = (at &+ 1) & mask
    }
    return nil
  }

  @inline(__always)
  func slot(ofEntry entry: Int) -> Int { Int(entries[entry].slot) }

  /// Takes up a key that `find` does not know.
  mutating func insert(_ key: SeriesKey, slot: Int) {
    entries.append(Entry(key: key, slot: UInt32(slot)))
    if entries.count * 2 > buckets.count { refill() } else { place(entries.count - 1) }
  }

  private mutating func place(_ entry: Int) {
    var at = Int(truncatingIfNeeded: entries[entry].key.low) & (buckets.count - 1)
    while buckets[at] != 0 { at = (at + 1) & (buckets.count - 1) }
    buckets[at] = UInt32(entry + 1)
  }

  private mutating func refill() {
    var size = 64
    while size < entries.count * 2 { size *= 2 }
    buckets = [UInt32](repeating: 0, count: size)
    for entry in entries.indices { place(entry) }
  }

  /// Keeps the keys for whose slot `moved` gives a slot.
  mutating func follow(_ moved: (_ slot: Int) -> Int?) {
    entries = entries.compactMap { entry in
      moved(Int(entry.slot)).map { Entry(key: entry.key, slot: UInt32($0)) }
    }
    refill()
  }
}
