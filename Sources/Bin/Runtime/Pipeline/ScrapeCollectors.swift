import Collectors
import HTTP
import Logging
import Model

extension Role {
  public static let agent = Role(
    name: "agent", defaultAdminAddress: ":15691", defaultConfigurationFile: "/etc/clymene/clymene.yml",
    collectors: { configuration, logger in RoleCollectors.scraping(configuration, logger) })
}

extension RoleCollectors {
  /// Scraping of all jobs by one collector; jobs with the same HTTP settings share their connections.
  static func scraping(_ configuration: Configuration, _ logger: Logger) -> RoleCollectors {
    let sessions = HTTPSessions()
    let collector = ScrapeCollector(
      jobs: configuration.scrapeJobs.map { ScrapeJob($0, externalLabels: configuration.externalLabels) },
      http: sessions, userAgent: "Clymene/\(BuildInfo.current.version)")
    return RoleCollectors(
      running: [collector],
      targets: {
        let now = WallClock.now()
        return collector.targets.map { StatusSnapshot.TargetPanel($0, now: now) }
      },
      metrics: { page in
        let targets = collector.targets
        ScrapeMetrics.add(collector.counters, targets, to: &page)
        ScrapeJobMetrics.add(collector.jobCounters, targets, to: &page)
      },
      totals: {
        let counters = collector.counters
        return CollectedTotals(samples: counters.samples, failedScrapes: counters.failedScrapes)
      },
      close: { await sessions.close() })
  }
}

extension ScrapeJob {
  init(_ settings: ScrapeJobSettings, externalLabels: [Label]) {
    self.init(
      name: settings.name,
      targets: settings.targets.map {
        ScrapeTarget(address: $0.address, labels: $0.labels, interval: $0.interval, timeout: $0.timeout)
      }, interval: settings.interval, timeout: settings.timeout)
    scheme = settings.scheme
    metricsPath = settings.metricsPath
    params = settings.params
    honorLabels = settings.honorLabels
    honorTimestamps = settings.honorTimestamps
    compression = settings.compression
    staleOnStop = settings.staleOnStop
    bodyLimitBytes = settings.limits.body.bytes
    sampleLimit = settings.limits.samples
    labelLimit = settings.limits.labels
    labelNameLimit = settings.limits.labelNameBytes
    labelValueLimit = settings.limits.labelValueBytes
    http = settings.http
    self.externalLabels = externalLabels
  }
}

extension StatusSnapshot.TargetPanel {
  init(_ target: ScrapeTargetStatus, now: UnixMilliseconds) {
    let health: Health =
      switch target.health {
      case .up: .up
      case .down: .down
      case .unknown: .unknown
      }
    self.init(
      job: target.job, url: target.url,
      labels: Dictionary(target.labels.map { ($0.name, $0.value) }) { $1 }, health: health,
      lastError: target.lastError, lastScrapeAt: target.lastScrape.map(RFC3339.format),
      lastScrapeAgeSeconds: target.lastScrape.map { max(0, Double(now.rawValue - $0.rawValue) / 1000) },
      lastScrapeSeconds: target.lastDuration?.inSeconds, intervalSeconds: target.interval.inSeconds,
      samples: target.lastScrape == nil ? nil : target.samples,
      series: target.lastScrape == nil ? nil : target.series,
      nextScrapeInSeconds: target.nextScrape.map { Double($0.rawValue - now.rawValue) / 1000 })
  }
}
