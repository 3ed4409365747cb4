import Testing

@testable import WAL

@Suite struct `The log's own time` {
  private let day: Int64 = 86_400_000
  private let mark = LogTime.Mark(logMilliseconds: 1000, sinceBoot: 500, bootName: "b", wall: 1_700_000_000_000)

  @Test func `goes on with the machine, whatever the clock says`() {
    let time = LogTime(continuing: mark, bootName: "b", sinceBoot: 800, wall: 0)
    #expect(time.at(sinceBoot: 800) == 1300)
    #expect(time.at(sinceBoot: 900) == 1400)
    #expect(time.at(sinceBoot: 100) == 1300)
  }

  @Test func `goes on by the clock over a restart of the machine, but never far and never back`() {
    func start(wall: Int64) -> Int64 {
      LogTime(continuing: mark, bootName: "c", sinceBoot: 5, wall: wall).at(sinceBoot: 5)
    }
    #expect(start(wall: mark.wall + 7000) == 8000)
    #expect(start(wall: mark.wall + 400 * day) == 1000 + day)
    #expect(start(wall: 0) == 1000)
    #expect(start(wall: .min) == 1000)
    #expect(start(wall: .max) == 1000 + day)
  }

  @Test func `is never before what segments have seen`() {
    #expect(LogTime(continuing: nil, least: 70, bootName: "", sinceBoot: 5, wall: 0).at(sinceBoot: 5) == 70)
    #expect(LogTime(continuing: mark, least: 5000, bootName: "b", sinceBoot: 501, wall: 0).at(sinceBoot: 501) == 5000)
  }
}
