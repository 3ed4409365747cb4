import Model

/// What the page about targets shows of one of them.
public struct ScrapeTargetStatus: Sendable, Equatable {
  public enum Health: String, Sendable {
    case up
    case down
    /// Not scraped yet.
    case unknown
  }

  public let job: String
  public let url: String
  /// Of its series; without external labels.
  public let labels: [Label]
  public let interval: Duration
  public internal(set) var health = Health.unknown
  public internal(set) var lastScrape: UnixMilliseconds?
  public internal(set) var lastDuration: Duration?
  /// Nil after a scrape that succeeded.
  public internal(set) var lastError: String?
  /// Of the last scrape.
  public internal(set) var samples = 0
  public internal(set) var nextScrape: UnixMilliseconds?
  /// Series that the target's tables name, those about the scrape among them.
  public internal(set) var series = 0
}

/// What all scraping together has done since the start.
public struct ScrapeCounters: Sendable, Equatable {
  public var scrapes: UInt64 = 0
  /// Scrapes that found their target down, whatever the reason.
  public var failedScrapes: UInt64 = 0
  public var samples: UInt64 = 0
  /// A series twice in one scrape, or an own timestamp that is not newer than the last one.
  public var duplicateSamples: UInt64 = 0
  /// Samples of series that exceed what a table takes.
  public var refusedSamples: UInt64 = 0
  /// Scrapes that the log did not take because it was full.
  public var droppedScrapes: UInt64 = 0
  /// Scrapes that could not be stored because of an error.
  public var lostScrapes: UInt64 = 0
  /// Ticks that passed while the scrape before them was still running.
  public var skippedTicks: UInt64 = 0
  /// Bodies as they came over the network.
  public var receivedBytes: UInt64 = 0
  /// Tables made anew because too much of them had changed.
  public var tableRebuilds: UInt64 = 0
}
