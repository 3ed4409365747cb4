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
}
