import Testing

@testable import WAL

@Suite struct `A set of ranges` {
  @Test(arguments: 0..<20) func `agrees with a set of numbers`(seed: UInt64) {
    var random = LogRandom(seed: seed)
    var ranges = RangeSet()
    var numbers: Set<UInt64> = []
    for _ in 0..<200 {
      let from = UInt64.random(in: 0..<60, using: &random)
      let range = from..<(from + UInt64.random(in: 0..<8, using: &random))
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<7:
        ranges.insert(range)
        numbers.formUnion(range)
      case 7:
        ranges.removeBelow(from)
        numbers = numbers.filter { $0 >= from }
      default: break
      }
      #expect(ranges.count == UInt64(numbers.count))
      #expect(ranges.contains(range) == range.allSatisfy(numbers.contains))
      #expect(Set(ranges.intersection(range).flatMap { Array($0) }) == numbers.intersection(range))
      #expect(Set(ranges.gaps(in: range).flatMap { Array($0) }) == Set(range).subtracting(numbers))
      #expect(ranges.firstMissing(from: from) == (from...200).first { !numbers.contains($0) })
      #expect(zip(ranges.ranges, ranges.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
      var grown = ranges
      grown.insert(range)
    }
  }
}

/// SplitMix64, so that a failing run can be repeated.
struct LogRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
