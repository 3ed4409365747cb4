import Testing

@testable import Parsing

@Suite("The hash of a series' bytes")
struct KeyHashTests {
  @Test("the same bytes hash alike wherever they stand, and unlike under another seed")
  func position() {
    let hash = KeyHash(seed: 7)
    for length in 0...70 {
      let key = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 5) }
      let plain = hash(0..<length, in: key.span)
      for shift in 1...9 {
        let moved = [UInt8](repeating: 0xAA, count: shift) + key + [UInt8](repeating: UInt8(shift), count: 9)
        #expect(hash(shift..<shift + length, in: moved.span) == plain, "length \(length), shift \(shift)")
      }
      #expect(KeyHash(seed: 8)(0..<length, in: key.span) != plain)
    }
  }

  @Test("every bit of a key turns about half of the hash's bits")
  func avalanche() {
    let hash = KeyHash(seed: 99)
    var random = SeededGenerator(seed: 4)
    for length in [1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 64] {
      let key = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let plain = hash(0..<length, in: key.span)
      var turned = 0
      for bit in 0..<length * 8 {
        var other = key
        other[bit / 8] ^= 1 << (bit % 8)
        let changed = (hash(0..<length, in: other.span) ^ plain).nonzeroBitCount
        #expect(changed > 8, "length \(length), bit \(bit)")
        turned += changed
      }
      let mean = Double(turned) / Double(length * 8)
      #expect(mean > 26 && mean < 38, "length \(length): \(mean)")
    }
  }

  @Test("a hundred thousand keys that differ little do not collide")
  func collisions() {
    let hash = KeyHash(seed: 3)
    var seen: Set<UInt64> = []
    for number in 0..<100_000 {
      let key = Array("http_requests_total{code=\"200\",pod=\"web-\(number)\"}".utf8)
      seen.insert(hash(0..<key.count, in: key.span))
    }
    #expect(seen.count == 100_000)
    let zeros = [UInt8](repeating: 0, count: 300)
    #expect(Set((0...300).map { hash(0..<$0, in: zeros.span) }).count == 301)
  }

  @Test("every byte of a key counts, and so does their number, on both sides of each step")
  func bytes() throws {
    let hash = KeyHash.ofProcess
    for length in [1, 7, 8, 15, 16, 17, 31, 32, 33, 127, 128, 129, 143, 144, 145, 255, 256, 257, 400] {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
      let key = hash.key(0..<length, in: bytes.span)
      #expect(key?.count == length)
      #expect(hash.key(0..<length - 1, in: bytes.span) != key)
      for at in 0..<length {
        var other = bytes
        other[at] ^= 0x20
        #expect(hash.key(0..<length, in: other.span) != key, "length \(length), byte \(at)")
        other.swapAt(at, length - 1 - at)
        #expect(hash.key(0..<length, in: other.span) != key, "length \(length), byte \(at)")
      }
    }
  }

  @Test("blocks that change places make another key")
  func order() {
    let hash = KeyHash(seed: 12)
    let blocks = (0..<40).map { block in (0..<8).map { UInt8(truncatingIfNeeded: block &* 31 &+ $0 &* 7) } }
    let plain = blocks.flatMap { $0 }
    var seen: Set<SeriesKey?> = [hash.key(0..<plain.count, in: plain.span)]
    for a in blocks.indices {
      for b in blocks.indices where b > a && blocks[a] != blocks[b] {
        var swapped = blocks
        swapped.swapAt(a, b)
        let bytes = swapped.flatMap { $0 }
        #expect(seen.insert(hash.key(0..<bytes.count, in: bytes.span)).inserted, "\(a), \(b)")
      }
    }
  }

  @Test("a key longer than twenty bits can count is none")
  func tooLong() {
    let bytes = [UInt8](repeating: 0x61, count: SeriesKey.limitBytes + 1)
    #expect(KeyHash.ofProcess.key(0..<bytes.count, in: bytes.span) == nil)
    #expect(KeyHash.ofProcess.key(0..<SeriesKey.limitBytes, in: bytes.span)?.count == SeriesKey.limitBytes)
  }
}
