import Codec
import HTTP
import Model
import Parsing
import ScrapeTables

/// One target: fetches it once at a time and turns the answer into rows. Owned by the target's loop.
struct TargetScraper {
  /// How one scrape went.
  struct Result {
    var rows: [MetricRow] = []
    var reading = ScrapeCache.Reading()
    var receivedBytes = 0
    var duration = Duration.zero
    /// Tables made anew.
    var rebuilds = 0
    /// In words for the page about targets; nil when the target is up.
    var failure: String?
    /// Why there are no rows, which is no fault of the target.
    var lost: String?
  }

  private let identity: TargetIdentity
  private let job: ScrapeJob
  private let http: HTTPSession
  private let headers: [(name: String, value: String)]
  private(set) var cache: ScrapeCache
  /// Of the body of the last answer, decoded.
  private var bodyBytes = 0
  /// Of the last scrape that became rows.
  private var lastTimestamp: UnixMilliseconds?

  init(_ identity: TargetIdentity, of job: ScrapeJob, http: HTTPSession, userAgent: String) {
    self.identity = identity
    self.job = job
    self.http = http
    let headers = [
      ("Accept", ExpositionFormat.acceptHeader()), ("User-Agent", userAgent),
      ("X-Prometheus-Scrape-Timeout-Seconds", Self.plain(job.timeout.inSeconds)),
    ]
    self.headers = job.compression ? headers : headers + [("Accept-Encoding", "identity")]
    cache = Self.emptyCache(identity, job)
  }

  /// As Go writes it: `10`, not `10.0`.
  static func plain(_ seconds: Double) -> String {
    seconds == seconds.rounded() && seconds < 1e15 ? "\(Int(seconds))" : "\(seconds)"
  }

  private static func emptyCache(_ identity: TargetIdentity, _ job: ScrapeJob) -> ScrapeCache {
    ScrapeCache(
      labels: SampleLabels(target: identity.labels, external: job.externalLabels, honorLabels: job.honorLabels),
      source: identity.source, honorTimestamps: job.honorTimestamps,
      limits: .init(
        samples: job.sampleLimit, labels: job.labelLimit, labelNameBytes: job.labelNameLimit,
        labelValueBytes: job.labelValueLimit))
  }

  /// Nil when the task was cancelled before the answer was there: that says nothing about the target, and the cache is as it was.
  mutating func scrape(at timestamp: UnixMilliseconds) async -> Result? {
    let start = ContinuousClock.now
    var result = Result()
    do throws(HTTPError) {
      let answer = try await http.get(
        identity.url, headers: headers, timeout: job.timeout, limitBytes: job.bodyLimitBytes, expectedBytes: bodyBytes)
      bodyBytes = answer.body.count
      result.receivedBytes = answer.receivedBytes
      result.failure = read(answer, at: timestamp, &result.reading).map { http.hide($0, sentTo: identity.url) }
    } catch {
      if error.kind == .cancelled { return nil }
      result.failure = error.description
    }
    result.duration = start.duration(to: .now)
    let report = ScrapeCache.Report(
      isUp: result.failure == nil, durationSeconds: result.duration.inSeconds, samples: result.reading.samples,
      samplesKept: result.reading.samples)
    let rebuilds = cache.rebuilds
    do throws(FormatError) {
      result.rows = try cache.rows(at: timestamp, report)
      lastTimestamp = timestamp
      result.rebuilds = cache.rebuilds - rebuilds
    } catch {
      // Whatever the tables stumbled over, an empty cache starts over with the next scrape.
      result.lost = "the series do not fit the format: \(error)"
      cache = Self.emptyCache(identity, job)
    }
    return result
  }

  /// What the last scrape gave was not stored.
  mutating func dropped() { cache.dropped() }

  /// Markers for all series of a target that is scraped no more; later than their last samples, also when the clock was set back. Nothing when
  /// there was no scrape.
  mutating func lastRows(at now: UnixMilliseconds) -> [MetricRow] {
    guard let lastTimestamp else { return [] }
    return cache.lastRows(at: max(now, UnixMilliseconds(lastTimestamp.rawValue + 1)))
  }

  /// What is wrong with the answer, or nil.
  private mutating func read(
    _ answer: HTTPAnswer, at time: UnixMilliseconds, _ reading: inout ScrapeCache.Reading
  ) -> String? {
    guard answer.status == 200 else { return "the target answered with HTTP status \(answer.status)" }
    let selection = ExpositionFormat.select(contentType: answer.contentType, fallback: nil)
    if answer.body.isEmpty { return readBody(answer.body, at: time, &reading) }
    guard let format = selection.format else { return selection.remark ?? "unknown Content-Type" }
    guard format == .text else { return "the target answered in the format \(format), which was not asked for" }
    return readBody(answer.body, at: time, &reading)
  }

  private mutating func readBody(
    _ body: [UInt8], at time: UnixMilliseconds, _ reading: inout ScrapeCache.Reading
  ) -> String? {
    do {
      try cache.read(body.span, at: time, reading: &reading)
      return nil
    } catch {
      return "\(error)"
    }
  }
}
