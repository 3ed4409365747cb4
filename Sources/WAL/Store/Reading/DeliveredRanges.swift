/// What one consumer has taken: everything below `base`, and the ranges above it that were acknowledged out of order.
struct DeliveredRanges: Sendable, Equatable {
  /// How many stretches may lie open below the newest acknowledged row.
  static let limitHoles = 32

  /// The first row that is not delivered.
  private(set) var base: UInt64
  /// Above `base`, not touching it.
  private(set) var above: RangeSet

  init(base: UInt64, above: RangeSet = RangeSet()) {
    self.base = base
    self.above = above
    settle()
  }

  var holes: Int { above.ranges.count }

  /// The end of the newest row that is delivered.
  var end: UInt64 { above.ranges.last?.upperBound ?? base }

  /// False, and nothing noted, when it would leave more than 32 holes: the rows are then delivered again after a restart.
  mutating func insert(_ range: Range<UInt64>) -> Bool {
    let new = max(range.lowerBound, base)..<max(range.upperBound, base)
    guard !new.isEmpty else { return true }
    var next = above
    next.insert(new)
    if let first = next.ranges.first, first.lowerBound <= base {
      above = next
      settle()
      return true
    }
    guard next.ranges.count <= DeliveredRanges.limitHoles else { return false }
    above = next
    return true
  }

  /// Counts everything below `bound` as done with; gives back how many rows of it were not delivered.
  mutating func skip(to bound: UInt64) -> UInt64 {
    guard bound > base else { return 0 }
    let lost = above.gaps(in: base..<bound).reduce(0) { $0 + UInt64($1.count) }
    base = bound
    settle()
    return lost
  }

  func contains(_ range: Range<UInt64>) -> Bool {
    range.upperBound <= base || above.contains(max(range.lowerBound, base)..<max(range.upperBound, base))
  }

  /// The first row at or after `position` that is not delivered.
  func firstUndelivered(from position: UInt64) -> UInt64 {
    above.firstMissing(from: max(position, base))
  }

  /// How many rows of `range` are not delivered.
  func undelivered(in range: Range<UInt64>) -> UInt64 {
    let open = max(range.lowerBound, base)..<max(range.upperBound, base)
    return above.gaps(in: open).reduce(0) { $0 + UInt64($1.count) }
  }

  private mutating func settle() {
    base = above.firstMissing(from: base)
    above.removeBelow(base)
  }
}
