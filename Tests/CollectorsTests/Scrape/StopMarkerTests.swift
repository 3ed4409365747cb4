import Codec
import HTTP
import Model
import Synchronization
import Testing

@testable import Collectors

@Suite(.timeLimit(.minutes(1)))
struct `At the stop of the collector` {
  let scrape = RunningScrape()

  func job(_ address: String, _ change: (inout ScrapeJob) -> Void = { _ in }) -> ScrapeJob {
    scrape.job(address) {
      $0.staleOnStop = true
      change(&$0)
    }
  }

  /// Metrics with their samples in the order in which they were stored.
  func samplesBySeries() throws -> [Labels: [MemorySink.Sample]] {
    Dictionary(grouping: try scrape.sink.samples, by: \.labels)
  }

  @Test
  func `Every series ends with one marker that is later than its last sample`() async throws {
    let server = try LoopbackServer.answering("a 1\nb{x=\"1\"} 2\n")
    let collector = ScrapeCollector(jobs: [job(server.address)], http: scrape.http)
    try await scrape.run(collector) { try scrape.stored("a").count >= 2 }
    let series = try samplesBySeries()
    #expect(series.count == 7)
    for samples in series.values {
      #expect(samples.map(\.isStale) == samples.indices.map { $0 == samples.count - 1 })
      #expect(samples[samples.count - 1].timestamp > samples[samples.count - 2].timestamp)
    }
  }

  @Test
  func `Markers are later than the samples also when the clock was set back`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    let isBack = Mutex(false)
    let collector = ScrapeCollector(jobs: [job(server.address)], http: scrape.http) {
      UnixMilliseconds(ScrapeCollector.wallClock().rawValue - (isBack.withLock { $0 } ? 3_600_000 : 0))
    }
    try await scrape.run(collector) {
      guard try !scrape.stored("a").isEmpty else { return false }
      isBack.withLock { $0 = true }
      return true
    }
    let samples = try scrape.stored("a")
    #expect(samples.last?.isStale == true)
    #expect(zip(samples, samples.dropFirst()).allSatisfy { $0.timestamp < $1.timestamp } || samples.count > 2)
    #expect(try #require(samples.last).timestamp == samples[samples.count - 2].timestamp + 1)
  }

  @Test
  func `Series with timestamps of their own get none, as in Prometheus`() async throws {
    let server = try LoopbackServer.answering("a 1 1000\nb 2\n")
    let collector = ScrapeCollector(jobs: [job(server.address)], http: scrape.http)
    try await scrape.run(collector) { try scrape.stored("b").count >= 2 }
    #expect(try scrape.stored("a").map(\.isStale) == [false])
    #expect(try scrape.stored("b").last?.isStale == true)
  }

  @Test
  func `A target that is down has its markers already, but those of the series about the scrape`() async throws {
    let isUp = Mutex(true)
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil {
        connection.answer("a 1\n", status: isUp.withLock { $0 } ? "200 OK" : "500 Broken")
      }
    }
    let collector = ScrapeCollector(jobs: [job(server.address)], http: scrape.http)
    try await scrape.run(collector) {
      if try !scrape.stored("a").isEmpty { isUp.withLock { $0 = false } }
      return try scrape.stored("up").contains { $0.value == 0 }
    }
    #expect(try scrape.stored("a").count { $0.isStale } == 1)
    #expect(try scrape.stored("up").count { $0.isStale } == 1)
  }

  @Test
  func `A target that was never scraped leaves nothing`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let collector = ScrapeCollector(jobs: [job(server.address)], http: scrape.http)
    try await scrape.run(collector) { server.connections == 1 }
    #expect(scrape.sink.batches.isEmpty)
  }

  @Test
  func `The markers of many targets are with the sink when run returns, however it makes them wait`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    var many = job(server.address)
    many.targets = (0..<200).map { ScrapeTarget(address: server.address, labels: [Label("instance", "\($0)")]) }
    many.interval = .seconds(2)
    let collector = ScrapeCollector(jobs: [many], http: scrape.http)
    scrape.sink.makeWait(.milliseconds(100))
    try await scrape.run(collector) { Set(try scrape.stored("a").map(\.labels)).count == 200 }
    let series = try samplesBySeries()
    #expect(series.count == 200 * 6)
    #expect(series.values.allSatisfy { $0.last?.isStale == true })
  }
}
