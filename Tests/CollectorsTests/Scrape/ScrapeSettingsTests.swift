import Codec
import HTTP
import Model
import Testing

@testable import Collectors

@Suite(.timeLimit(.minutes(1)))
struct `The settings of a scrape` {
  /// One scrape of a server that gives every request this body: what is stored, and what is wrong.
  func scrape(
    _ server: LoopbackServer, _ change: (inout ScrapeJob) -> Void
  ) async throws -> (samples: [MemorySink.Sample], failure: String?) {
    var job = ScrapeJob(name: "j", targets: [], timeout: .seconds(5))
    change(&job)
    let http = HTTPSession(job.http)
    var scraper = TargetScraper(
      TargetIdentity(ScrapeTarget(address: server.address), of: job), of: job, http: http, userAgent: "test")
    let result = try #require(await scraper.scrape(at: UnixMilliseconds(60_000)))
    await http.close()
    return (try MemorySink.samples(result.rows), result.failure)
  }

  func value(_ metric: String, _ samples: [MemorySink.Sample]) -> Double? {
    samples.first { $0.labels.metricName == metric }?.value
  }

  @Test
  func `An answer with more samples than allowed fails as a whole, and the report has their number`() async throws {
    let server = try LoopbackServer.answering("a 1\nb 2\nc 3\n")
    let (kept, none) = try await scrape(server) { $0.sampleLimit = 3 }
    #expect(none == nil && value("c", kept) == 3)
    let (samples, failure) = try await scrape(server) { $0.sampleLimit = 2 }
    #expect(failure == "the answer has 3 samples, the limit is 2")
    #expect(value("a", samples) == nil)
    #expect(value("up", samples) == 0)
    #expect(value("scrape_samples_scraped", samples) == 3)
  }

  @Test
  func `A series that exceeds a limit of labels fails the scrape, and the words name it`() async throws {
    let server = try LoopbackServer.answering("a 1\nb{long_name=\"some value\"} 2\n")
    // The name, job, instance, and its own.
    #expect(try await scrape(server) { $0.labelLimit = 4 }.failure == nil)
    #expect(
      try await scrape(server) { $0.labelLimit = 3 }.failure == "a series of b has 4 labels, the limit is 3")
    #expect(
      try await scrape(server) { $0.labelNameLimit = 8 }.failure
        == "the name of the label long_name of b has 9 bytes, the limit is 8")
    #expect(try await scrape(server) { $0.labelValueLimit = 15 }.failure == nil)
    #expect(try await scrape(server) { $0.labelValueLimit = 9 }.failure != nil)
  }

  @Test
  func `A gzip or zstd bomb costs one failed scrape`() async throws {
    let zeros = [UInt8](repeating: 0x0a, count: 32 << 20)
    let frames = try ZstdFrames()
    let bombs = [("zstd", try frames.frame(zeros)), ("gzip", `A GET`.gzip(zeros))]
    for (encoding, bomb) in bombs {
      let server = try LoopbackServer { connection in
        while connection.readRequest() != nil {
          connection.answer(bomb, headers: "Content-Encoding: \(encoding)\r\n")
        }
      }
      let (samples, failure) = try await scrape(server) { $0.bodyLimitBytes = 1 << 20 }
      #expect(failure?.contains("limit of 1048576 bytes") == true)
      #expect(value("up", samples) == 0)
    }
  }

  @Test
  func `Compressed answers are stored as plain ones`() async throws {
    let frames = try ZstdFrames()
    let body = try frames.frame(Array("a 7\n".utf8))
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer(body, headers: "Content-Encoding: zstd\r\n") }
    }
    let (samples, failure) = try await scrape(server) { _ in }
    #expect(failure == nil && value("a", samples) == 7)
  }

  @Test
  func `Settings arrive with the request`() async throws {
    let server = try RecordingServer(body: "a 1\n")
    _ = try await scrape(server.server) {
      $0.metricsPath = "/probe/it"
      $0.params = ["target": ["a b", "c&d"], "module": ["é"]]
      $0.compression = false
      $0.http.authentication = .credentials(type: "Bearer", .text("token"))
      $0.http.headers = [HTTPHeaderSetting(name: "X-Scope-OrgID", values: ["shop"])]
    }
    #expect(server.requests[0].hasPrefix("GET /probe/it?module=%C3%A9&target=a+b&target=c%26d HTTP/1.1\r\n"))
    #expect(server.last("accept-encoding") == ["identity"])
    #expect(server.last("authorization") == ["Bearer token"])
    #expect(server.last("x-scope-orgid") == ["shop"])
    #expect(server.last("x-prometheus-scrape-timeout-seconds") == ["5"])
  }

  @Test
  func `A redirect is followed unless that is switched off`() async throws {
    let last = try RecordingServer(body: "a 1\n")
    let first = try RecordingServer(status: "302 Found", headers: "Location: \(last.url)\r\n")
    #expect(value("a", try await scrape(first.server) { _ in }.samples) == 1)
    #expect(
      try await scrape(first.server) { $0.http.redirectLimit = 0 }.failure
        == "the target answered with HTTP status 302")
  }

  @Test
  func `A label of a target stands in for the job's parameter, path, interval and timeout`() throws {
    var job = ScrapeJob(name: "j", targets: [])
    job.params = ["module": ["icmp", "second"], "api_token": ["hidden"]]
    let identity = TargetIdentity(
      ScrapeTarget(
        address: "h:1",
        labels: [Label("__param_module", "http 2xx"), Label("__param_new", "1"), Label("__metrics_path__", "/a b?c")]),
      of: job)
    let path = "http://h:1/a%20b%3Fc"
    #expect(identity.url == path + "?api_token=hidden&module=http+2xx&module=second&new=1")
    #expect(identity.shownURL == path + "?api_token=<secret>&module=http+2xx&module=second&new=1")
    #expect(identity.labels.map(\.name) == ["instance", "job"])
    job.targets = [ScrapeTarget(address: "h:1", interval: .seconds(5), timeout: .seconds(2))]
    #expect(ScrapeCollector(jobs: [job], http: HTTPSessions()).targets.map(\.interval) == [.seconds(5)])
  }
}
