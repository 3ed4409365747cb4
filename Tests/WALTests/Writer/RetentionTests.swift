import Testing

@testable import WAL

@Suite struct `What retention removes` {
  private func sealed(_ ends: [UInt64], at times: [Int64]) -> [SegmentTotals] {
    var first: UInt64 = 0
    return zip(ends, times).map { end, time in
      var totals = SegmentTotals(first: first)
      totals.end = end
      totals.sealedAt = time
      first = end
      return totals
    }
  }

  private func firsts(_ segments: [SegmentTotals], bases: [UInt64], now: Int64, maxAge: Int64?, keep: Int64) -> [UInt64]
  {
    Retention.removable(
      sealed: segments, bases: bases, now: now, limits: .init(maxAge: maxAge, keepDelivered: keep)
    ).map(\.first)
  }

  @Test func `removes what the slowest cursor has passed, oldest first`() {
    let segments = sealed([10, 20, 30], at: [0, 0, 0])
    #expect(firsts(segments, bases: [25, 40], now: 0, maxAge: nil, keep: 0) == [0, 10])
    #expect(firsts(segments, bases: [9], now: 0, maxAge: nil, keep: 0) == [])
    #expect(firsts(segments, bases: [30], now: 0, maxAge: nil, keep: 0) == [0, 10, 20])
  }

  @Test func `keeps everything while there is no cursor at all`() {
    #expect(firsts(sealed([10], at: [0]), bases: [], now: 99, maxAge: nil, keep: 0) == [])
  }

  @Test func `keeps delivered segments for a while, and drops old ones that nobody had`() {
    let segments = sealed([10, 20, 30], at: [0, 50, 90])
    #expect(firsts(segments, bases: [30], now: 100, maxAge: nil, keep: 60) == [0])
    #expect(firsts(segments, bases: [0], now: 100, maxAge: 40, keep: 0) == [0, 10])
  }
}
