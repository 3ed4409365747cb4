import Model
import Testing

@Suite("An allowance")
struct RateLimitTests {
  @Test func letsOneSecondsWorthGoAtOnceAndTheRestAtItsRate() {
    let start = ContinuousClock.now
    var limit = RateLimit(perSecond: 10, now: start)
    for _ in 0..<10 {
      #expect(limit.pause(for: 1, now: start) == .zero)
      limit.spend(1)
    }
    #expect(limit.pause(for: 1, now: start) == .milliseconds(100))
    #expect(limit.pause(for: 1, now: start + .milliseconds(100)) == .zero)
  }

  @Test func savesUpNoMoreThanASecond() {
    let start = ContinuousClock.now
    var limit = RateLimit(perSecond: 10, now: start)
    limit.spend(10)
    #expect(limit.pause(for: 10, now: start + .seconds(3600)) == .zero)
    limit.spend(10)
    #expect(limit.pause(for: 1, now: start + .seconds(3600)) == .milliseconds(100))
  }

  @Test func goesIntoDebtForWhatIsLargerThanASecondsWorth() {
    let start = ContinuousClock.now
    var limit = RateLimit(perSecond: 1000, now: start)
    #expect(limit.pause(for: 50_000, now: start) == .zero)
    limit.spend(50_000)
    #expect(limit.pause(for: 1, now: start) == .seconds(49.001))
    limit.spend(-49_000)
    #expect(limit.pause(for: 1, now: start) == .milliseconds(1))
  }

  @Test func takesLessThanOneASecond() {
    let start = ContinuousClock.now
    var limit = RateLimit(perSecond: 0.5, now: start)
    #expect(limit.pause(for: 1, now: start) == .zero)
    limit.spend(1)
    #expect(limit.pause(for: 1, now: start) == .seconds(2))
  }
}
