import Model
import Parsing

/// The raw bytes of series, as targets write them, to small numbers: what lets a scrape go without parsing labels.
///
/// A target writes its series in the same order nearly every time, so a line is first compared with the key that came after the previous one
/// the last time; only when that fails is it looked up. What is as expected takes no memory: a key is followed by the next one and has the
/// next slot, until one does not.
struct KeyIndex: Sendable {
  /// What stands for the slot of a key whose samples are not stored.
  static let refused = UInt32.max

  private let firstSlot: UInt32
  private var keys: [SeriesKey] = []
  /// The key that followed last time, from the one at the beginning of a scrape on. Empty while each is followed by the next.
  private(set) var followers: [UInt32] = []
  /// For each key the slot of its series, or `refused`. Empty while they are numbered like the keys, from `firstSlot` on.
  private(set) var slots: [UInt32] = []
  /// Key number + 1 by hash, 0 where empty; a power of two, at most half full. Empty until a key has to be found, and again when none had to be
  /// found for some scrapes.
  private(set) var buckets: [UInt32] = []
  private var hasFound = false
  private var idleScrapes = 0

  init(firstSlot: Int) { self.firstSlot = UInt32(firstSlot) }

  var count: Int { keys.count }

  /// The key that came after this one the last time; -1 stands for the beginning of a scrape.
  @inline(__always)
  func follower(of key: Int) -> Int? {
    let follower = followers.isEmpty ? key &+ 1 : Int(followers[key &+ 1])
    return follower < keys.count ? follower : nil
  }

  /// The slot of the key's series, or `refused`.
  @inline(__always)
  func slot(of key: Int) -> UInt32 {
    slots.isEmpty ? firstSlot &+ UInt32(truncatingIfNeeded: key) : slots[key]
  }

  /// The sample at which the parser stands, when it is one of this key; else nil and the parser has not moved. `hash` is the
  /// process's; a loop that holds it is spared counting references to it.
  @inline(__always)
  func sample(
    of key: Int, by hash: KeyHash, next parser: inout TextParser, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> (value: Double, timestamp: UnixMilliseconds?)? {
    try parser.sample(of: keys[key], by: hash, in: bytes)
  }

  /// The key's number, or nil. `previous` is the key before it in this scrape, -1 at the beginning; both are noted.
  mutating func find(_ key: Range<Int>, in bytes: Span<UInt8>, after previous: Int) -> Int? {
    hasFound = true
    guard let key = KeyHash.ofProcess.key(key, in: bytes) else { return nil }
    if buckets.isEmpty { refill() }
    var at = Int(truncatingIfNeeded: key.low) & (buckets.count - 1)
    while buckets[at] != 0 {
      let candidate = Int(buckets[at]) - 1
      if keys[candidate] == key {
        note(candidate, after: previous)
        return candidate
      }
      at = (at + 1) & (buckets.count - 1)
    }
    return nil
  }

  private mutating func note(_ key: Int, after previous: Int) {
    if followers.isEmpty {
      guard key != previous + 1 else { return }
      followers = Array(0...UInt32(keys.count))
    }
    followers[previous + 1] = UInt32(key)
  }

  /// Takes up a key that `find` does not know. One that is too long is not taken up, and such series are parsed each time.
  mutating func insert(_ key: Range<Int>, in bytes: Span<UInt8>, slot: UInt32) {
    guard let key = KeyHash.ofProcess.key(key, in: bytes) else { return }
    if buckets.isEmpty { refill() }
    append(key, slot: slot)
    // The next new key most likely follows this one.
    if !followers.isEmpty { followers.append(UInt32(keys.count)) }
    if keys.count * 2 > buckets.count { refill() } else { place(keys.count - 1) }
  }

  private mutating func append(_ key: SeriesKey, slot: UInt32) {
    let expected = firstSlot + UInt32(keys.count)
    if slots.isEmpty, slot != expected {
      slots = Array(firstSlot..<expected) + [slot]
    } else if !slots.isEmpty {
      slots.append(slot)
    }
    keys.append(key)
  }

  private mutating func place(_ key: Int) {
    var at = Int(truncatingIfNeeded: keys[key].low) & (buckets.count - 1)
    while buckets[at] != 0 { at = (at + 1) & (buckets.count - 1) }
    buckets[at] = UInt32(key + 1)
  }

  private mutating func refill() {
    var size = 64
    while size < keys.count * 2 { size *= 2 }
    buckets = [UInt32](repeating: 0, count: size)
    for key in keys.indices { place(key) }
  }

  /// Called at the end of each scrape: when no key had to be found for `scrapes` scrapes, numbers the keys in the order in which they come and lets
  /// go of what only finding needs.
  mutating func rest(after scrapes: Int) {
    idleScrapes = hasFound ? 0 : idleScrapes + 1
    hasFound = false
    guard idleScrapes == scrapes else { return }
    if !followers.isEmpty { renumber(order) }
    buckets = []
    compact()
  }

  /// All keys, first those that follow each other from the beginning of a scrape on.
  private var order: [Int] {
    var order: [Int] = []
    var isTaken = [Bool](repeating: false, count: keys.count)
    var last = -1
    while let next = follower(of: last), !isTaken[next] {
      isTaken[next] = true
      order.append(next)
      last = next
    }
    return order + keys.indices.filter { !isTaken[$0] }
  }

  private mutating func renumber(_ order: [Int]) {
    let old = self
    forget()
    for key in order { append(old.keys[key], slot: old.slot(of: key)) }
  }

  /// Gives back the room that the arrays have for more keys.
  mutating func compact() {
    keys = keys.compacted
    followers = followers.compacted
    slots = slots.compacted
  }

  /// Forgets the keys from this number on.
  mutating func truncate(to count: Int) {
    guard count < keys.count else { return }
    renumber(Array(0..<count))
  }

  mutating func forget() {
    keys = []
    followers = []
    slots = []
    buckets = []
  }

  /// Keeps the keys for whose slot `moved` gives a slot, and the refused ones. Numbers change.
  mutating func follow(_ moved: (_ slot: UInt32) -> UInt32?) {
    let old = self
    forget()
    for key in old.keys.indices {
      let slot = old.slot(of: key)
      guard let kept = slot == Self.refused ? slot : moved(slot) else { continue }
      append(old.keys[key], slot: kept)
    }
  }
}

extension Array {
  /// The same elements without room for more.
  var compacted: [Element] { capacity > count + count / 8 ? withUnsafeBufferPointer { Array($0) } : self }
}
