import Glibc
import Model
import Parsing

/// The raw bytes of series, as targets write them, to small numbers: what lets a scrape go without parsing labels.
///
/// A target writes its series in the same order nearly every time, so a key is first compared with the one that came after the
/// previous key the last time; only when that fails is it hashed. For a target that never changes its order the hashes are not even kept.
struct KeyIndex: Sendable {
  /// What stands in `slots` for a key whose samples are not stored.
  static let refused = UInt32.max

  private let hash = KeyHash()
  /// All keys, one after another.
  private var arena: [UInt8] = []
  /// Where each key begins in the arena, and where the last one ends.
  private var starts: [UInt32] = [0]
  /// Upper bits of each key's hash: nearly all keys that share a bucket differ here. Empty while `buckets` is.
  private var tags: [UInt32] = []
  /// The key that followed last time.
  private var followers: [UInt32] = [0]
  /// Key number + 1 by hash, 0 where empty; a power of two, at most half full. Empty until a key has to be found, and again when none had to be
  /// found for some scrapes.
  private var buckets: [UInt32] = []
  private var hasFound = false
  private var idleScrapes = 0

  /// For each key the slot of its series, or `refused`.
  private(set) var slots: [UInt32] = []
  /// For each key the scrape in which it was met last.
  private(set) var metIn: [UInt32] = []

  /// Bytes of the keys that the last `keepMet` left.
  private var keptBytes = 0

  var count: Int { slots.count }
  /// Of all keys together.
  var bytes: Int { arena.count }
  /// So much has come since the last `keepMet` that keys of former scrapes may make up most of it.
  var isLoose: Bool { bytes > keptBytes * 2 + (1 << 20) }

  /// The key that came after this one the last time; -1 stands for the beginning of a scrape.
  @inline(__always)
  func follower(of key: Int) -> Int? {
    let follower = Int(followers[key &+ 1])
    return follower < slots.count ? follower : nil
  }

  /// The sample at which the parser stands, when it is one of this key; else nil and the parser has not moved.
  @inline(__always)
  func sample(
    of key: Int, next parser: inout TextParser, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> (value: Double, timestamp: UnixMilliseconds?)? {
    try parser.sample(of: arena.span.extracting(range(key)), in: bytes)
  }

  @inline(__always)
  private func range(_ key: Int) -> Range<Int> { Int(starts[key])..<Int(starts[key &+ 1]) }

  @inline(__always)
  mutating func met(_ key: Int, in scrape: UInt32) { metIn[key] = scrape }

  /// The key's number, or nil. `previous` is the key before it in this scrape, -1 at the beginning; both are noted.
  mutating func find(_ key: Range<Int>, in bytes: Span<UInt8>, after previous: Int, scrape: UInt32) -> Int? {
    hasFound = true
    if buckets.isEmpty { refill() }
    let hashed = hash(key, in: bytes)
    let tag = UInt32(truncatingIfNeeded: hashed >> 32)
    var at = Int(truncatingIfNeeded: hashed) & (buckets.count - 1)
    while buckets[at] != 0 {
      let candidate = Int(buckets[at]) - 1
      if tags[candidate] == tag, equals(candidate, key, in: bytes) {
        followers[previous + 1] = UInt32(candidate)
        met(candidate, in: scrape)
        return candidate
      }
      at = (at + 1) & (buckets.count - 1)
    }
    return nil
  }

  /// Takes up a key that `find` does not know. Past 4 GiB of keys nothing is taken up, and such series are parsed each time.
  mutating func insert(_ key: Range<Int>, in bytes: Span<UInt8>, slot: UInt32, scrape: UInt32) {
    guard arena.count + key.count <= Int(UInt32.max) else { return }
    if buckets.isEmpty { refill() }
    let hashed = hash(key, in: bytes)
    bytes.extracting(key).withUnsafeBufferPointer { arena.append(contentsOf: $0) }
    starts.append(UInt32(arena.count))
    tags.append(UInt32(truncatingIfNeeded: hashed >> 32))
    // The next new key most likely follows this one.
    followers.append(UInt32(slots.count + 1))
    slots.append(slot)
    metIn.append(scrape)
    if slots.count * 2 > buckets.count { refill() } else { place(UInt32(slots.count), hashed) }
  }

  private mutating func place(_ number: UInt32, _ hashed: UInt64) {
    var at = Int(truncatingIfNeeded: hashed) & (buckets.count - 1)
    while buckets[at] != 0 { at = (at + 1) & (buckets.count - 1) }
    buckets[at] = number
  }

  private mutating func refill() {
    var size = 64
    while size < slots.count * 2 { size *= 2 }
    buckets = [UInt32](repeating: 0, count: size)
    tags = []
    tags.reserveCapacity(slots.count)
    for key in slots.indices {
      let hashed = hash(range(key), in: arena.span)
      tags.append(UInt32(truncatingIfNeeded: hashed >> 32))
      place(UInt32(key + 1), hashed)
    }
  }

  /// Called at the end of each scrape: lets go of the hashes when none was needed for `scrapes` scrapes.
  mutating func rest(after scrapes: Int) {
    idleScrapes = hasFound ? 0 : idleScrapes + 1
    hasFound = false
    guard idleScrapes == scrapes else { return }
    buckets = []
    tags = []
  }

  /// Gives back the room that the arrays have for more keys.
  mutating func compact() {
    arena = arena.compacted
    starts = starts.compacted
    tags = tags.compacted
    followers = followers.compacted
    slots = slots.compacted
    metIn = metIn.compacted
  }

  /// Forgets the keys from this number on.
  mutating func truncate(to count: Int) {
    guard count < slots.count else { return }
    keep { key, slot in key < count ? slot : nil }
  }

  /// Forgets the keys that were not met in this scrape.
  mutating func keepMet(in scrape: UInt32) {
    let metIn = metIn
    keep { key, slot in metIn[key] == scrape ? slot : nil }
    keptBytes = arena.count
  }

  /// Keeps the keys for which `slot` gives a slot. Numbers change.
  mutating func keep(_ slot: (_ key: Int, _ slot: UInt32) -> UInt32?) {
    let old = self
    arena = []
    starts = [0]
    tags = []
    slots = []
    metIn = []
    followers = [0]
    buckets = []
    for key in old.slots.indices {
      guard let kept = slot(key, old.slots[key]) else { continue }
      arena.append(contentsOf: old.arena[old.range(key)])
      starts.append(UInt32(arena.count))
      slots.append(kept)
      metIn.append(old.metIn[key])
      followers.append(UInt32(slots.count))
    }
    keptBytes = min(keptBytes, arena.count)
  }

  @inline(__always)
  private func equals(_ known: Int, _ key: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    let start = Int(starts[known])
    let length = Int(starts[known &+ 1]) &- start
    guard length == key.count else { return false }
    return arena.withUnsafeBufferPointer { arena in
      bytes.withUnsafeBufferPointer { bytes in
        guard let a = arena.baseAddress, let b = bytes.baseAddress else { return length == 0 }
        return memcmp(a + start, b + key.lowerBound, length) == 0
      }
    }
  }
}

extension Array {
  /// The same elements without room for more.
  var compacted: [Element] { capacity > count + count / 8 ? withUnsafeBufferPointer { Array($0) } : self }
}
