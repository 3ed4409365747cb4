import Codec
import Model

/// Which rows have been written: for each origin the ranges of their sequences. Bounded: what was known longest is forgotten first, which a
/// queue that delivers in order never asks for again.
struct KnownRows: Equatable, Sendable {
  static let limitOrigins = 64
  static let limitRanges = 64

  /// The origin that was added to last stands last.
  private(set) var origins: [(origin: Origin, ranges: [ClosedRange<UInt64>])] = []

  static func == (a: KnownRows, b: KnownRows) -> Bool {
    a.origins.count == b.origins.count
      && zip(a.origins, b.origins).allSatisfy { $0.origin == $1.origin && $0.ranges == $1.ranges }
  }

  /// Ascending and disjoint.
  subscript(origin: Origin) -> [ClosedRange<UInt64>] { origins.first { $0.origin == origin }?.ranges ?? [] }

  mutating func add(_ range: ClosedRange<UInt64>, of origin: Origin) {
    var ranges = self[origin]
    origins.removeAll { $0.origin == origin }
    var merged = range
    // What overlaps or touches becomes one.
    ranges.removeAll { known in
      let touches =
        known.lowerBound <= merged.upperBound.addingSaturating(1)
        && merged.lowerBound <= known.upperBound.addingSaturating(1)
      if touches {
        merged = min(known.lowerBound, merged.lowerBound)...max(known.upperBound, merged.upperBound)
      }
      return touches
    }
    ranges.insert(merged, at: ranges.firstIndex { $0.lowerBound > merged.lowerBound } ?? ranges.count)
    if ranges.count > Self.limitRanges { ranges.removeFirst(ranges.count - Self.limitRanges) }
    origins.append((origin, ranges))
    if origins.count > Self.limitOrigins { origins.removeFirst() }
  }
}

extension UInt64 {
  fileprivate func addingSaturating(_ more: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(more)
    return overflow ? .max : sum
  }
}
