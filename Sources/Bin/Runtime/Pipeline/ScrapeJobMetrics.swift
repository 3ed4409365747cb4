import Collectors

/// Scraping by job: as many series as there are jobs, however many targets they have. Figures of single targets are data (`up`,
/// `scrape_duration_seconds`, …) and not metrics of this program.
enum ScrapeJobMetrics {
  static func add(_ jobs: [ScrapeJobCounters], _ targets: [ScrapeTargetStatus], to page: inout MetricsText) {
    func counter(_ name: String, _ help: String, _ value: (ScrapeJobCounters) -> Double) {
      page.add(
        "clymene_scrape_job_\(name)_total", .counter, help, jobs.map { ([("job", $0.job)], value($0)) })
    }
    counter("scrapes", "Scrapes of the job's targets, whatever came of them.") { Double($0.scrapes) }
    counter("failures", "Scrapes that found their target down.") { Double($0.failedScrapes) }
    counter("samples", "Samples collected.") { Double($0.samples) }
    counter("duration_seconds", "Time that all scrapes together took.") { $0.duration.inSeconds }
    var standing: [String: (up: Int, down: Int, unknown: Int, slowest: Double, series: Int)] = [:]
    for target in targets {
      var job = standing[target.job] ?? (0, 0, 0, 0, 0)
      switch target.health {
      case .up: job.up += 1
      case .down: job.down += 1
      case .unknown: job.unknown += 1
      }
      job.slowest = max(job.slowest, target.lastDuration?.inSeconds ?? 0)
      job.series += target.series
      standing[target.job] = job
    }
    let sorted = standing.sorted { $0.key < $1.key }
    page.add(
      "clymene_scrape_job_targets", .gauge, "Targets of the job by their health at the last scrape.",
      sorted.flatMap { name, job in
        [("up", job.up), ("down", job.down), ("unknown", job.unknown)].map {
          ([("job", name), ("health", $0.0)], Double($0.1))
        }
      })
    page.add(
      "clymene_scrape_job_slowest_seconds", .gauge, "The longest of the targets' last scrapes.",
      sorted.map { ([("job", $0.key)], $0.value.slowest) })
    page.add(
      "clymene_scrape_job_series", .gauge, "Series that the targets' tables name.",
      sorted.map { ([("job", $0.key)], Double($0.value.series)) })
  }
}
