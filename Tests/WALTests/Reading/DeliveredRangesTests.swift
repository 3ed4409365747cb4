import Testing

@testable import WAL

@Suite struct `Delivered ranges` {
  @Test func `keep at most 32 holes and close them as rows come in`() {
    var delivered = DeliveredRanges(base: 0)
    /// Whether each range was taken.
    func insert(_ ranges: Range<UInt64>...) -> [Bool] { ranges.map { delivered.insert($0) } }
    for hole in 0..<UInt64(DeliveredRanges.limitHoles) {
      let taken = insert((hole * 10 + 5)..<(hole * 10 + 6))
      #expect(taken == [true])
    }
    #expect(delivered.holes == 32 && delivered.base == 0)
    let before = delivered
    let refused = insert(400..<401)
    #expect(refused == [false] && delivered == before)
    // What makes no further hole goes on.
    let closing = insert(6..<7, 0..<5)
    #expect(closing == [true, true] && delivered.base == 7 && delivered.holes == 31)
    let again = insert(400..<401)
    #expect(again == [true] && delivered.end == 401)
  }

  @Test func `count what is passed over`() {
    var delivered = DeliveredRanges(base: 10)
    let taken = delivered.insert(15..<18)
    #expect(taken)
    #expect(delivered.undelivered(in: 0..<20) == 7)
    #expect(delivered.firstUndelivered(from: 15) == 18)
    let lost = delivered.skip(to: 16)
    #expect(lost == 5 && delivered.base == 18 && delivered.holes == 0)
    let none = delivered.skip(to: 12)
    #expect(none == 0)
    #expect(delivered.contains(3..<18) && !delivered.contains(17..<19))
  }
}
