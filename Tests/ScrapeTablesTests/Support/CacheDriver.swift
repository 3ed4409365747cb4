import Codec
import Model

@testable import ScrapeTables

/// Feeds a cache with scrapes and tells what it stores.
struct CacheDriver {
  var cache: ScrapeCache
  private(set) var time: Int64 = 0
  private(set) var reading = ScrapeCache.Reading()
  private(set) var rows: [MetricRow] = []
  private(set) var error: String?

  init(
    target: [Label] = [], external: [Label] = [], honorLabels: Bool = false, honorTimestamps: Bool = true
  ) {
    let labels = SampleLabels(target: target, external: external, honorLabels: honorLabels)
    cache = ScrapeCache(labels: labels, source: 1, honorTimestamps: honorTimestamps)
  }

  /// One scrape, a second after the last; nil is a target that does not answer. Gives back all samples in order.
  @discardableResult
  mutating func scrape(_ body: String?) throws -> [StoredSample] {
    try scrape(bytes: body.map { Array($0.utf8) })
  }

  @discardableResult
  mutating func scrape(bytes: [UInt8]?) throws -> [StoredSample] {
    time += 1000
    reading = .init()
    error = nil
    if let bytes {
      do { try cache.read(bytes.span, at: UnixMilliseconds(time), reading: &reading) } catch { self.error = "\(error)" }
    }
    let report = ScrapeCache.Report(
      isUp: bytes != nil && error == nil, durationSeconds: 0.25, samples: reading.samples, samplesKept: reading.samples)
    rows = try cache.rows(at: UnixMilliseconds(time), report)
    return try StoredSample.samples(rows)
  }

  mutating func end() throws -> [StoredSample] {
    time += 1000
    rows = cache.lastRows(at: UnixMilliseconds(time))
    return try StoredSample.samples(rows)
  }

  /// How many tables each row of the last scrape names.
  var tableCounts: [Int] {
    rows.compactMap { row in if case .scrape(let scrape) = row { scrape.tables.count } else { nil } }
  }

  var tables: [SeriesTable] { rows.flatMap(\.allTables) }
}

extension MetricRow {
  var allTables: [SeriesTable] {
    switch self {
    case .scrape(let row): row.tables
    case .loose(let row): row.tables
    }
  }
}

extension [StoredSample] {
  /// Of what the target itself wrote: `name{labels} value`, in order.
  var scraped: [String] { filter { !ScrapeCache.reportNames.contains($0.labels.metricName) }.map(\.short) }

  /// A series' sample, by its text as in PromQL.
  subscript(series: String) -> StoredSample? { first { "\($0.labels)" == series } }
}

extension StoredSample {
  var short: String { "\(labels) \(isStale ? "stale" : "\(value)")" }
}
