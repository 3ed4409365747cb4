import Codec
import HTTP
import Model
import Testing

@testable import Collectors

@Suite(.timeLimit(.minutes(1)))
struct `Scraping targets over sockets` {
  let http = HTTPSessions()
  let sink = MemorySink()

  func job(_ server: LoopbackServer, interval: Duration = .milliseconds(50)) -> ScrapeJob {
    var job = ScrapeJob(
      name: "test", targets: [ScrapeTarget(address: server.address)], interval: interval, timeout: .seconds(5))
    job.staleOnStop = false
    return job
  }

  /// Runs the collector until the sink has so many batches.
  func run(_ collector: ScrapeCollector, untilBatches count: Int) async throws {
    let sink = sink
    let running = Task { try await collector.run(into: sink) }
    await sink.wait(forBatches: count)
    running.cancel()
    try await running.value
  }

  @Test
  func `A scrape becomes samples with the target's labels, and series about the scrape itself`() async throws {
    let server = try LoopbackServer.answering("# TYPE a counter\na{x=\"1\"} 5\nb 2.5\n")
    let collector = ScrapeCollector(jobs: [job(server)], http: http)
    try await run(collector, untilBatches: 1)
    let samples = try MemorySink.samples(sink.batches[0])
    let values = Dictionary(uniqueKeysWithValues: samples.map { ($0.labels.metricName, $0.value) })
    #expect(values["a"] == 5)
    #expect(values["b"] == 2.5)
    #expect(values["up"] == 1)
    #expect(values["scrape_samples_scraped"] == 2)
    #expect(values["scrape_samples_post_metric_relabeling"] == 2)
    #expect(values["scrape_series_added"] == 2)
    #expect(try #require(values["scrape_duration_seconds"]) > 0)
    for sample in samples {
      #expect(sample.labels["job"] == "test")
      #expect(sample.labels["instance"] == server.address)
    }
    await http.close()
  }

  @Test
  func `A complete scrape that waits for room when the collector is stopped is stored`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    let collector = ScrapeCollector(jobs: [job(server)], http: http)
    sink.makeWait(.milliseconds(300))
    let sink = sink
    let running = Task { try await collector.run(into: sink) }
    while sink.enqueues == 0 { try await Task.sleep(for: .milliseconds(2)) }
    running.cancel()
    try await running.value
    #expect(sink.batches.count == 1)
    #expect(collector.counters.lostScrapes == 0)
  }

  @Test
  func `Each job is counted by itself, as long as there is such a job`() async throws {
    let server = try LoopbackServer.answering("a 1\nb 2\n")
    let broken = try LoopbackServer.answering("this is no metric\n")
    var (good, bad) = (job(server), job(broken))
    (good.name, bad.name) = ("good", "bad")
    let collector = ScrapeCollector(jobs: [good, bad], http: http)
    #expect(collector.jobCounters.isEmpty)
    try await run(collector, untilBatches: 6)
    let counters = collector.jobCounters
    #expect(counters.map(\.job) == ["bad", "good"])
    #expect(counters[0].scrapes > 0 && counters[0].failedScrapes == counters[0].scrapes)
    #expect(counters[1].scrapes > 0 && counters[1].failedScrapes == 0)
    #expect(counters[1].samples == 2 * counters[1].scrapes && counters[1].duration > .zero)
    #expect(counters.reduce(0) { $0 + $1.scrapes } == collector.counters.scrapes)
    collector.apply([good])
    #expect(collector.jobCounters.map(\.job) == ["good"])
    await http.close()
  }

  @Test
  func `Scrapes lie an interval apart and share their table and their connection`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    let collector = ScrapeCollector(jobs: [job(server)], http: http)
    try await run(collector, untilBatches: 5)
    var tables: Set<[TableName]> = []
    var times: [Int64] = []
    for case .metrics(let rows) in sink.batches.prefix(5).map(\.rows) {
      for case .scrape(let row) in rows {
        tables.insert(row.tables.map(\.name))
        times.append(row.timestamp.rawValue)
      }
    }
    #expect(tables.count == 1)
    #expect(times.count == 5)
    // A busy machine starts one late, so that the next one follows sooner; but no tick is used twice.
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 > $0 })
    #expect(times[4] - times[0] > 3 * 50)
    #expect(server.connections == 1)
    #expect(collector.counters.scrapes >= 5)
    #expect(collector.counters.failedScrapes == 0)
    await http.close()
  }
}
