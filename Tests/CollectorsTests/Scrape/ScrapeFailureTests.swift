import Codec
import HTTP
import Model
import Synchronization
import Testing

@testable import Collectors

/// A collector of one target that runs while a test looks on.
struct RunningScrape {
  let http = HTTPSessions()
  let sink = MemorySink()

  func job(_ address: String, _ change: (inout ScrapeJob) -> Void = { _ in }) -> ScrapeJob {
    var job = ScrapeJob(
      name: "test", targets: [ScrapeTarget(address: address)], interval: .milliseconds(40), timeout: .seconds(5))
    // Most tests look at markers for other reasons than the stop.
    job.staleOnStop = false
    change(&job)
    return job
  }

  /// Runs until `isDone`, which is asked again and again.
  func run(_ collector: ScrapeCollector, until isDone: () throws -> Bool) async throws {
    let sink = sink
    let running = Task { try await collector.run(into: sink) }
    while try !isDone() { try await Task.sleep(for: .milliseconds(5)) }
    running.cancel()
    try await running.value
    await http.close()
  }

  /// The samples of a metric in the order in which they were stored.
  func stored(_ metric: String) throws -> [MemorySink.Sample] {
    try sink.samples.filter { $0.labels.metricName == metric }
  }
}

@Suite(.timeLimit(.minutes(1)))
struct `Targets that fail` {
  let scrape = RunningScrape()

  /// Scrapes an address until it was found down, and gives back what the page about targets says.
  func failure(_ address: String, _ change: (inout ScrapeJob) -> Void = { _ in }) async throws -> String {
    let collector = ScrapeCollector(jobs: [scrape.job(address, change)], http: scrape.http)
    try await scrape.run(collector) { try !scrape.stored("up").isEmpty }
    #expect(try scrape.stored("up").first?.value == 0)
    let target = try #require(collector.targets.first)
    #expect(target.health == .down)
    #expect(collector.counters.failedScrapes >= 1)
    return try #require(target.lastError)
  }

  @Test
  func `Nobody listens`() async throws {
    let port = try LoopbackServer.closedPort()
    #expect(try await failure("127.0.0.1:\(port)") == "connection refused by 127.0.0.1:\(port)")
  }

  @Test
  func `The answer does not come in time`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let words = try await failure(server.address) {
      $0.interval = .milliseconds(300)
      $0.timeout = .milliseconds(200)
    }
    #expect(words.contains("within 0.2 seconds"))
  }

  @Test
  func `The status is not 200`() async throws {
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer("a 1\n", status: "503 Service Unavailable") }
    }
    #expect(try await failure(server.address) == "the target answered with HTTP status 503")
    #expect(try scrape.stored("a").isEmpty)
  }

  @Test
  func `The answer is a web page`() async throws {
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer("<html>", contentType: "text/html") }
    }
    #expect(try await failure(server.address).contains("text/html"))
  }

  @Test
  func `The answer is too large`() async throws {
    let server = try LoopbackServer.answering(String(repeating: "a 1\n", count: 1000))
    #expect(try await failure(server.address) { $0.bodyLimitBytes = 1000 }.contains("limit of 1000 bytes"))
  }

  @Test
  func `A line cannot be parsed, and the words say which`() async throws {
    let server = try LoopbackServer.answering("a 1\nb 2\nc{x=1} 3\n")
    #expect(try await failure(server.address).hasPrefix("line 3, byte "))
  }

  @Test
  func `A target that repeats the token and a parameter of the URL shows neither`() async throws {
    let server = try LoopbackServer.answering("a 1\nb{tok-123 prm-456} 3\n")
    let words = try await failure(server.address) {
      $0.params = ["auth": ["prm-456"]]
      $0.http.authentication = .credentials(type: "Bearer", .text("tok-123"))
    }
    #expect(words.contains("b{<secret> <secret>"), "\(words)")
  }

  @Test
  func `A content encoding that repeats the password is not quoted`() async throws {
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer("a 1\n", headers: "Content-Encoding: hunter-two\r\n") }
    }
    let words = try await failure(server.address) {
      $0.http.authentication = .basic(username: .text("me"), password: .text("hunter-two"))
    }
    #expect(words.contains("Content-Encoding <secret>"), "\(words)")
  }

  @Test
  func `The answer breaks off, and what came of it is not stored`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\nb 2\n")
    }
    #expect(try await failure(server.address).contains("before its answer was whole"))
    #expect(try scrape.stored("a").isEmpty)
  }

  @Test
  func `A target that goes down and comes back: values, one marker, values`() async throws {
    let isUp = Mutex(true)
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil {
        connection.answer("a 1\n", status: isUp.withLock { $0 } ? "200 OK" : "500 Broken")
      }
    }
    let collector = ScrapeCollector(jobs: [scrape.job(server.address)], http: scrape.http)
    try await scrape.run(collector) {
      let ups = try scrape.stored("up").map(\.value)
      if ups.suffix(2) == [1, 1] { isUp.withLock { $0 = ups.contains(0) } }
      if ups.suffix(3) == [0, 0, 0] { isUp.withLock { $0 = true } }
      return ups.contains(0) && ups.last == 1
    }
    let markers = try scrape.stored("a").map(\.isStale)
    #expect(markers.count { $0 } == 1)
    #expect(markers.first == false)
    #expect(markers.last == false)
    #expect(collector.targets.first?.health == .up)
    #expect(collector.targets.first?.lastError == nil)
  }

  @Test
  func `A request that the client gave up by itself is a failure, and the next scrape comes`() async throws {
    let server = try LoopbackServer { connection in connection.waitForClose() }
    let job = scrape.job(server.address) {
      $0.scheme = "https"
      $0.http.connectTimeout = .seconds(1)
    }
    let collector = ScrapeCollector(jobs: [job], http: scrape.http)
    let sink = scrape.sink
    let running = Task { try await collector.run(into: sink) }
    while server.connections == 0 { try await Task.sleep(for: .milliseconds(2)) }
    // Of a request that waits for its connection the library says then that it was cancelled, as it does when an HTTP/2 connection closes
    // under one.
    await scrape.http.close()
    while collector.counters.failedScrapes < 3 { try await Task.sleep(for: .milliseconds(2)) }
    running.cancel()
    try await running.value
    #expect(try scrape.stored("up").allSatisfy { $0.value == 0 })
    #expect(collector.targets.first?.health == .down)
  }
}

@Suite(.timeLimit(.minutes(1)))
struct `A log that does not take scrapes` {
  let scrape = RunningScrape()

  @Test
  func `Scrapes are dropped and counted while it is full, and go on after that`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    scrape.sink.answer(.success(.full), .success(.full))
    let collector = ScrapeCollector(jobs: [scrape.job(server.address)], http: scrape.http)
    try await scrape.run(collector) { scrape.sink.batches.count >= 2 }
    #expect(collector.counters.droppedScrapes == 2)
    #expect(collector.counters.lostScrapes == 0)
  }

  @Test
  func `An error is counted and shown, and the next scrape goes on`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    scrape.sink.answer(.failure(.init()))
    let collector = ScrapeCollector(jobs: [scrape.job(server.address)], http: scrape.http)
    try await scrape.run(collector) { scrape.sink.batches.count >= 1 }
    #expect(collector.counters.lostScrapes == 1)
  }
}

@Suite(.timeLimit(.minutes(1)))
struct `Targets that come and go` {
  let scrape = RunningScrape()

  @Test
  func `Before its first scrape a target's health is unknown, after it the status tells of it`() async throws {
    let server = try LoopbackServer.answering("a 1\nb 2\n")
    let collector = ScrapeCollector(jobs: [scrape.job(server.address)], http: scrape.http)
    let before = try #require(collector.targets.first)
    #expect(before.health == .unknown)
    #expect(before.url == "http://\(server.address)/metrics")
    #expect(before.labels == [Label("instance", server.address), Label("job", "test")])
    try await scrape.run(collector) { collector.targets.first?.health == .up && !scrape.sink.batches.isEmpty }
    let after = try #require(collector.targets.first)
    #expect(after.samples == 2)
    #expect(after.series == 7)
    #expect(after.lastError == nil)
    #expect(try #require(after.nextScrape) > #require(after.lastScrape))
    #expect(try #require(after.lastDuration) > .zero)
  }

  @Test
  func `A target that is taken away ends with markers, the others go on`() async throws {
    let (one, two) = (try LoopbackServer.answering("a 1\n"), try LoopbackServer.answering("b 1\n"))
    let collector = ScrapeCollector(jobs: [scrape.job(one.address), scrape.job(two.address)], http: scrape.http)
    var applied = false
    try await scrape.run(collector) {
      let ready = try !scrape.stored("a").isEmpty && !scrape.stored("b").isEmpty
      if ready, !applied {
        applied = true
        collector.apply([scrape.job(two.address)])
      }
      let ended = try scrape.stored("a").last?.isStale == true
      return try ended && scrape.stored("b").count >= 3
    }
    #expect(try scrape.stored("a").count { $0.isStale } == 1)
    #expect(try scrape.stored("b").count { $0.isStale } == 0)
    #expect(try scrape.stored("up").count { $0.isStale } == 1)
    #expect(collector.targets.map(\.url) == ["http://\(two.address)/metrics"])
    #expect(two.connections == 1)
  }

  @Test
  func `A target that is taken away while it is being scraped ends with markers, too`() async throws {
    let hangs = Mutex(false)
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil {
        if hangs.withLock({ $0 }) { connection.waitForClose() } else { connection.answer("a 1\n") }
      }
    }
    let collector = ScrapeCollector(jobs: [scrape.job(server.address)], http: scrape.http)
    var step = 0
    try await scrape.run(collector) {
      if step == 0, try !scrape.stored("a").isEmpty {
        hangs.withLock { $0 = true }
        step = 1
      } else if step >= 1, step < 20 {
        // Time for a scrape to begin and hang.
        step += 1
        if step == 20 { collector.apply([]) }
      }
      return try scrape.stored("a").last?.isStale == true
    }
    #expect(try scrape.stored("up").last?.isStale == true)
  }

  @Test
  func `A target whose settings change goes on without markers`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    let collector = ScrapeCollector(jobs: [scrape.job(server.address)], http: scrape.http)
    var before = 0
    try await scrape.run(collector) {
      let count = try scrape.stored("a").count
      if before == 0, count >= 1 {
        before = count
        collector.apply([scrape.job(server.address) { $0.interval = .milliseconds(30) }])
      }
      return before > 0 && count >= before + 3
    }
    #expect(try !scrape.sink.samples.contains { $0.isStale })
    #expect(collector.targets.map(\.interval) == [.milliseconds(30)])
  }

  @Test
  func `A target that is added is scraped, and the same configuration again changes nothing`() async throws {
    let (one, two) = (try LoopbackServer.answering("a 1\n"), try LoopbackServer.answering("b 1\n"))
    let collector = ScrapeCollector(jobs: [scrape.job(one.address)], http: scrape.http)
    var applied = false
    try await scrape.run(collector) {
      if try !applied && scrape.stored("a").count >= 1 {
        applied = true
        collector.apply([scrape.job(one.address), scrape.job(two.address)])
        collector.apply([scrape.job(one.address), scrape.job(two.address)])
      }
      return try scrape.stored("a").count >= 3 && scrape.stored("b").count >= 2
    }
    #expect(try !scrape.sink.samples.contains { $0.isStale })
    #expect(one.connections == 1)
    #expect(two.connections == 1)
  }

  @Test
  func `Without stale_on_stop stopping writes no markers, and ends also while a target hangs`() async throws {
    let good = try LoopbackServer.answering("a 1\n")
    let hanging = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let slow = scrape.job(hanging.address) { $0.timeout = .seconds(600) }
    let collector = ScrapeCollector(jobs: [scrape.job(good.address), slow], http: scrape.http)
    try await scrape.run(collector) { try scrape.stored("a").count >= 2 && hanging.connections == 1 }
    #expect(try !scrape.sink.samples.contains { $0.isStale })
  }

  @Test
  func `Jobs keep their tenants, and of the same target twice one is scraped`() async throws {
    let server = try LoopbackServer.answering("a 1\n")
    let tenant = try #require(Tenant("shop"))
    let jobs = [
      scrape.job(server.address), scrape.job(server.address), scrape.job(server.address) { $0.tenant = tenant },
    ]
    let collector = ScrapeCollector(jobs: jobs, http: scrape.http)
    #expect(collector.targets.count == 2)
    try await scrape.run(collector) { Set(scrape.sink.batches.map(\.tenant)) == [.default, tenant] }
  }

  @Test
  func `A hundred targets are scraped beside each other`() async throws {
    let servers = try (0..<100).map { try LoopbackServer.answering("a \($0)\n") }
    let collector = ScrapeCollector(
      jobs: servers.map { scrape.job($0.address) { $0.interval = .milliseconds(500) } }, http: scrape.http)
    try await scrape.run(collector) { scrape.sink.batches.count >= 150 }
    #expect(Set(try scrape.stored("a").map(\.value)).count == 100)
    #expect(collector.targets.allSatisfy { $0.health == .up })
  }
}
