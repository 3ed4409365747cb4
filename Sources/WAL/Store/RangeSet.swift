/// Disjoint, ascending, half-open ranges that do not touch: the rows that an origin has sent, or a destination has taken.
struct RangeSet: Sendable, Equatable {
  private(set) var ranges: [Range<UInt64>]

  init() { ranges = [] }

  /// Any ranges in any order.
  init(_ some: [Range<UInt64>]) {
    ranges = []
    for range in some { insert(range) }
  }

  var isEmpty: Bool { ranges.isEmpty }
  var count: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }

  mutating func insert(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    let touched = touching(range)
    guard !touched.isEmpty else {
      ranges.insert(range, at: touched.lowerBound)
      return
    }
    let low = min(range.lowerBound, ranges[touched.lowerBound].lowerBound)
    let high = max(range.upperBound, ranges[touched.upperBound - 1].upperBound)
    ranges.replaceSubrange(touched, with: CollectionOfOne(low..<high))
  }

  /// Forgets one of `ranges`.
  mutating func remove(_ range: Range<UInt64>) { ranges.removeAll { $0 == range } }

  /// Forgets everything below `bound`.
  mutating func removeBelow(_ bound: UInt64) {
    ranges = ranges.compactMap { range in
      range.upperBound <= bound ? nil : max(range.lowerBound, bound)..<range.upperBound
    }
  }

  func contains(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty else { return true }
    let at = firstIndex(endingAfter: range.lowerBound)
    return at < ranges.count && ranges[at].lowerBound <= range.lowerBound && range.upperBound <= ranges[at].upperBound
  }

  /// What of `range` is in the set.
  func intersection(_ range: Range<UInt64>) -> [Range<UInt64>] {
    var found: [Range<UInt64>] = []
    var at = firstIndex(endingAfter: range.lowerBound)
    while at < ranges.count, ranges[at].lowerBound < range.upperBound {
      found.append(ranges[at].clamped(to: range))
      at += 1
    }
    return found
  }

  /// What of `range` is not in the set.
  func gaps(in range: Range<UInt64>) -> [Range<UInt64>] {
    var missing: [Range<UInt64>] = []
    var from = range.lowerBound
    for known in intersection(range) {
      if known.lowerBound > from { missing.append(from..<known.lowerBound) }
      from = known.upperBound
    }
    if from < range.upperBound { missing.append(from..<range.upperBound) }
    return missing
  }

  /// The first number at or after `position` that is not in the set.
  func firstMissing(from position: UInt64) -> UInt64 {
    let at = firstIndex(endingAfter: position)
    guard at < ranges.count, ranges[at].lowerBound <= position else { return position }
    return ranges[at].upperBound
  }

  private func firstIndex(endingAfter position: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > position { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Indices of the ranges that overlap or touch `range`.
  private func touching(_ range: Range<UInt64>) -> Range<Int> {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound >= range.lowerBound { high = middle } else { low = middle + 1 }
    }
    var end = low
    while end < ranges.count, ranges[end].lowerBound <= range.upperBound { end += 1 }
    return low..<end
  }
}
