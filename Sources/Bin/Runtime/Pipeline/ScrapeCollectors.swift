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
    let most = mostTargetsOfOneAddress(configuration.scrapeJobs)
    let collector = ScrapeCollector(
      jobs: configuration.scrapeJobs.map {
        var job = ScrapeJob($0, externalLabels: configuration.externalLabels)
        job.http.concurrentRequestsPerHost = max(8, most)
        return job
      },
      http: sessions, userAgent: "Clymene/\(BuildInfo.current.version)")
    let panels = TargetPanels(hiding: configuration.secrets)
    return RoleCollectors(
      running: [collector], targets: { panels.panels(of: collector.targets, now: WallClock.now()) },
      downTargets: { collector.downTargets },
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

/// How many targets are scraped at one address, as those of a blackbox exporter are: that many scrapes may hang there without holding up another.
private func mostTargetsOfOneAddress(_ jobs: [ScrapeJobSettings]) -> Int {
  var counts: [String: Int] = [:]
  for target in jobs.flatMap(\.targets) {
    let address = target.labels.first { $0.name == "__address__" && !$0.value.isEmpty }?.value ?? target.address
    counts[address, default: 0] += 1
  }
  return counts.values.max() ?? 0
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
