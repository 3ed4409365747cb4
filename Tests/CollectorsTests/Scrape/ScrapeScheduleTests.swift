import Model
import Testing

@testable import Collectors

@Suite
struct `The schedule of a target` {
  static func at(_ time: Int64) -> UnixMilliseconds { UnixMilliseconds(time) }

  @Test
  func `Ticks lie at the target's offset within the interval, whenever the program starts`() {
    for now in [Int64(0), 1, 6_999, 7_000, 7_001, 1_700_000_000_123] {
      let schedule = ScrapeSchedule(interval: .seconds(10), spread: 1_000_007_000, now: Self.at(now))
      #expect(schedule.tick % 10_000 == 7_000)
      #expect(schedule.tick >= now)
      #expect(schedule.tick - now < 10_000)
    }
  }

  @Test
  func `A scrape that starts a little late gets the tick's time, one that is later its own`() {
    var schedule = ScrapeSchedule(interval: .seconds(10), spread: 0, now: Self.at(5_000))
    #expect(schedule.start(now: Self.at(10_002)) == (Self.at(10_000), 0))
    #expect(schedule.start(now: Self.at(20_003)) == (Self.at(20_003), 0))
    #expect(schedule.start(now: Self.at(30_000)) == (Self.at(30_000), 0))
  }

  @Test
  func `Of a short interval a hundredth is the tolerance`() {
    var schedule = ScrapeSchedule(interval: .milliseconds(100), spread: 0, now: Self.at(50))
    #expect(schedule.start(now: Self.at(101)).timestamp == Self.at(100))
    #expect(schedule.start(now: Self.at(202)).timestamp == Self.at(202))
  }

  @Test
  func `Ticks that pass during a long scrape are left out and counted`() {
    var schedule = ScrapeSchedule(interval: .seconds(10), spread: 0, now: Self.at(5_000))
    _ = schedule.start(now: Self.at(10_000))
    #expect(schedule.wait(now: Self.at(45_000)) == .zero)
    #expect(schedule.start(now: Self.at(45_000)) == (Self.at(45_000), 2))
    #expect(schedule.wait(now: Self.at(46_000)) == .seconds(4))
  }

  @Test
  func `A clock that jumps back a year costs at most an interval, one that jumps forward nothing`() {
    let year: Int64 = 365 * 86_400_000
    var schedule = ScrapeSchedule(interval: .seconds(10), spread: 3_000, now: Self.at(2 * year))
    #expect(schedule.wait(now: Self.at(year)) <= .seconds(10))
    #expect(schedule.tick % 10_000 == 3_000)
    _ = schedule.start(now: Self.at(year + 3_000))
    #expect(schedule.wait(now: Self.at(3 * year)) == .zero)
    _ = schedule.start(now: Self.at(3 * year))
    #expect(schedule.wait(now: Self.at(3 * year)) <= .seconds(10))
  }
}

@Suite
struct `What a target is` {
  func identity(_ labels: [Label], address: String = "host:9100") -> TargetIdentity {
    TargetIdentity(
      ScrapeTarget(address: address, labels: labels), of: ScrapeJob(name: "node", targets: []))
  }

  @Test
  func `Its series have job and instance, unless its own labels say so`() {
    #expect(identity([]).labels == [Label("instance", "host:9100"), Label("job", "node")])
    #expect(
      identity([Label("instance", "a"), Label("job", "b"), Label("zone", "z"), Label("empty", "")]).labels
        == [Label("instance", "a"), Label("job", "b"), Label("zone", "z")])
  }

  @Test
  func `It is fetched from its address, or from where its hidden labels point`() {
    #expect(identity([]).url == "http://host:9100/metrics")
    #expect(
      identity([Label("__address__", "other:1"), Label("__scheme__", "https"), Label("__metrics_path__", "m")]).url
        == "https://other:1/m")
  }

  @Test
  func `Its source depends on job and labels only, and stays the same from run to run`() {
    // A fixed value: stored rows carry it.
    #expect(identity([]).source == 17_159_870_134_041_290_380)
    #expect(identity([]).source == identity([Label("__metrics_path__", "/m")]).source)
    #expect(identity([]).source != identity([Label("zone", "z")]).source)
    #expect(identity([]).source != identity([], address: "host:9101").source)
  }

  @Test
  func `The targets of a job are spread over its interval`() {
    let offsets = (0..<1000).map { identity([], address: "host:\($0)").spread % 10_000 }
    for tenth in 0..<10 {
      let hits = offsets.count { $0 / 1000 == UInt64(tenth) }
      #expect(hits > 50 && hits < 170)
    }
  }
}
