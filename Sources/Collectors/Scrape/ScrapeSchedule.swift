import Model

/// When a target is scraped, and the timestamp that a scrape gets. Pure: the clocks' readings are parameters.
///
/// The ticks lie at a fixed offset within the interval, counted from 1970, so that they stay the same after a restart. A scrape that starts
/// at most 2 ms (1 % of a short interval) after its tick gets the tick's time, which makes timestamps regular and so much smaller.
///
/// Source: prometheus/prometheus, scrape/target.go (offset) and scrape/scrape.go (ScrapeTimestampTolerance).
struct ScrapeSchedule: Sendable {
  static let toleranceMilliseconds: Int64 = 2

  private let interval: Int64
  /// The tick that comes next, in milliseconds since 1970.
  private(set) var tick: Int64

  /// `spread` is any number that stays the same for the target.
  init(interval: Duration, spread: UInt64, now: UnixMilliseconds) {
    self.interval = max(1, interval.milliseconds)
    let offset = Int64(spread % UInt64(self.interval))
    let into = ((now.rawValue - offset) % self.interval + self.interval) % self.interval
    tick = now.rawValue + (into == 0 ? 0 : self.interval - into)
  }

  /// How long to sleep until the next tick. After a jump of the clock to the past the ticks follow it, so that it is never more than an interval.
  mutating func wait(now: UnixMilliseconds) -> Duration {
    if tick - now.rawValue > interval {
      tick -= (tick - now.rawValue - 1) / interval * interval
    }
    return .milliseconds(max(0, tick - now.rawValue))
  }

  /// The timestamp of the scrape that starts now; the tick moves on. Ticks that were missed are left out and told.
  mutating func start(now: UnixMilliseconds) -> (timestamp: UnixMilliseconds, skipped: Int) {
    let late = now.rawValue - tick
    let skipped = max(0, late / interval)
    tick += skipped * interval
    let aligned = tick
    tick += interval
    let tolerance = min(Self.toleranceMilliseconds, interval / 100)
    let away = now.rawValue - aligned
    return (away >= 0 && away <= tolerance ? UnixMilliseconds(aligned) : now, Int(skipped))
  }
}

extension Duration {
  /// Whole milliseconds, rounded down.
  var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
