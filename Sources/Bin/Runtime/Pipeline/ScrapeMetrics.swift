import Collectors

/// Scraping's counters as metrics.
enum ScrapeMetrics {
  static func add(_ counters: ScrapeCounters, _ targets: [ScrapeTargetStatus], to page: inout MetricsText) {
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      page.add("clymene_scrape_\(name)_total", .counter, help, value)
    }
    counter("scrapes", "Scrapes made, whatever came of them.", counters.scrapes)
    counter("failures", "Scrapes that found their target down.", counters.failedScrapes)
    counter("samples", "Samples collected.", counters.samples)
    counter("received_bytes", "Bytes of answers as they came over the network.", counters.receivedBytes)
    counter(
      "duplicate_samples", "Samples left out: a series twice in one scrape, or a timestamp that is not newer.",
      counters.duplicateSamples)
    counter(
      "refused_samples", "Samples left out because a table has no room for their series.", counters.refusedSamples)
    counter("dropped_scrapes", "Scrapes that the log did not take because it was full.", counters.droppedScrapes)
    counter("lost_scrapes", "Scrapes that could not be stored because of an error.", counters.lostScrapes)
    counter(
      "skipped_ticks", "Ticks that passed while the scrape before them was still running.", counters.skippedTicks)
    counter("table_rebuilds", "Series tables made anew because too much had changed.", counters.tableRebuilds)
    page.add(
      "clymene_scrape_targets", .gauge, "Targets by their health at the last scrape.",
      [ScrapeTargetStatus.Health.up, .down, .unknown].map { health in
        ([("health", health.rawValue)], Double(targets.count { $0.health == health }))
      })
  }
}
