/// What scraping of one job's targets has done since the start; counters of a job that is gone go with it.
public struct ScrapeJobCounters: Sendable, Equatable {
  public var job: String
  public var scrapes: UInt64 = 0
  public var failedScrapes: UInt64 = 0
  public var samples: UInt64 = 0
  public var duration = Duration.zero

  init(job: String) { self.job = job }

  mutating func add(isUp: Bool, samples: Int, duration: Duration) {
    scrapes += 1
    if !isUp { failedScrapes += 1 }
    self.samples += UInt64(max(0, samples))
    self.duration += duration
  }
}
