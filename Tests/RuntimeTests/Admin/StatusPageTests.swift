import Foundation
import Testing

@testable import Runtime

private let hostile = "<script>alert(\"x\")</script>&'\u{1}"

func exampleStatus(text: String = "node") -> StatusSnapshot {
  StatusSnapshot(
    role: "agent", version: "0.1.0", time: "2026-11-23T09:30:00Z", startedAt: "2026-11-23T09:00:00Z",
    uptimeSeconds: 1800, ready: true,
    targets: [
      .init(
        job: text, url: "http://\(text):9100/metrics", labels: ["instance": text], health: .down, lastError: text,
        lastScrapeAt: "2026-11-23T09:29:58Z", lastScrapeSeconds: 0.0123, samples: 1234, nextScrapeInSeconds: 3)
    ],
    log: .init(
      directory: "/data/\(text)", segments: 3, bytes: 100 << 20, limitBytes: 1 << 30, rows: 12_345,
      oldestAt: "2026-11-22T09:30:00Z", oldestAgeSeconds: 86_400, maxAgeSeconds: 2_592_000, whenFull: "drop-oldest",
      full: false, quarantined: 1, tenants: [.init(tenant: text, rows: 12_345)], remarks: [text]),
    forwarders: [
      .init(
        name: text, type: "file", state: .held, waitingRows: 77, waitingBytes: 4096, waitingSeconds: 65,
        deliveredRows: 10, droppedRows: 2, lastDeliveryAt: nil, lastError: text, lastErrorAt: nil, failuresInARow: 4,
        alarm: text)
    ])
}

@Suite("The status page")
struct StatusPageTests {
  @Test func showsTargetsLogAndForwarders() {
    let page = StatusPage.render(exampleStatus())
    for part in [
      "http://node:9100/metrics", "12.3 ms", "1,234", "/data/node", "100MiB of 1GiB", "1 d ago", "12,345", "held",
      "1 min 5 s", "4KiB", "77",
    ] {
      #expect(page.contains(part), "\(part) is missing")
    }
  }

  @Test func escapesEverythingThatComesFromOutside() {
    let page = StatusPage.render(exampleStatus(text: hostile))
    #expect(!page.contains("<script"))
    #expect(!page.contains("\u{1}"))
    #expect(page.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;"))
  }

  @Test func needsNothingFromOutside() {
    let page = StatusPage.render(exampleStatus())
    #expect(!page.contains("src="))
    #expect(!page.contains("@import") && !page.contains("url("))
    #expect(page.contains("http-equiv=\"refresh\""))
  }

  @Test func saysWhatIsMissingWhenNothingIsConfigured() {
    var status = exampleStatus()
    status.targets = []
    status.forwarders = []
    let page = StatusPage.render(status)
    #expect(page.contains("Nothing to scrape is configured.") && page.contains("No forwarder is configured"))
  }

  @Test func isTheSameAsJSON() throws {
    let json = try AdminServer.json(exampleStatus(text: hostile))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    let log = try #require(object["log"] as? [String: Any])
    #expect(log["limit_bytes"] as? Int == 1 << 30)
    let forwarders = try #require(object["forwarders"] as? [[String: Any]])
    #expect(forwarders[0]["waiting_rows"] as? Int == 77 && forwarders[0]["name"] as? String == hostile)
  }

  @Test(
    "writes spans of time for people",
    arguments: [
      (0.0123, "12.3 ms"), (0, "0 ms"), (0.9996, "1 s"), (4.5, "4.5 s"), (59.96, "1 min"), (200, "3 min 20 s"),
      (7200, "2 h"), (90_000, "1 d 1 h"), (-5, "-5 s"), (.infinity, "–"),
    ])
  func spans(seconds: Double, text: String) {
    #expect(HTMLText.span(seconds) == text)
  }
}

@Suite("The metrics page")
struct MetricsTextTests {
  @Test func writesFamiliesWithTheirLabelsEscaped() {
    var page = MetricsText()
    page.add("a_total", .counter, "Counts\nthings \\ here.", [([("x", "q\"\\\n")], 3), ([], 0.5)])
    page.add("empty", .gauge, "Not shown.", [])
    #expect(
      page.text == """
        # HELP a_total Counts\\nthings \\\\ here.
        # TYPE a_total counter
        a_total{x="q\\"\\\\\\n"} 3
        a_total 0.5

        """)
  }

  @Test func escapesWhatHidesBehindACombiningMark() {
    var page = MetricsText()
    page.add("a", .gauge, "A.", [([("x", "\"\u{301}\r\n\\\u{301}")], 1)])
    #expect(page.text.hasSuffix("a{x=\"\\\"\u{301}\r\\n\\\\\u{301}\"} 1\n"))
  }

  @Test(
    "writes values as Prometheus reads them",
    arguments: [
      (1.0, "1"), (-3, "-3"), (0.25, "0.25"), (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
      (1e18, "1e+18"), (9_007_199_254_740_991, "9007199254740991"),
    ])
  func values(value: Double, text: String) {
    #expect(MetricsText.format(value) == text)
  }

  @Test func showsEachLaneUnderItsForwardersName() {
    var counters = LaneCounters()
    counters.requests = [.delivered: 3, .refused: 1]
    counters.deliveredRows = 30
    counters.alarm = "no"
    var page = MetricsText()
    LaneCounters.add([("a\"b", counters)], to: &page)
    #expect(page.text.contains("clymene_forwarder_requests_total{forwarder=\"a\\\"b\",outcome=\"refused\"} 1\n"))
    #expect(page.text.contains("clymene_forwarder_rows_delivered_total{forwarder=\"a\\\"b\"} 30\n"))
    #expect(page.text.contains("clymene_forwarder_held{forwarder=\"a\\\"b\"} 1\n"))
    #expect(!page.text.contains("last_delivery_timestamp"))
  }
}

@Suite("What the kernel knows of the process")
struct ProcessMetricsTests {
  @Test func isReadFromProcWhateverTheProgramIsCalled() throws {
    let stat =
      "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 1000 123456789 2000 18446744073709551615 1 1"
    let metrics = try #require(
      ProcessMetrics.parse(stat: stat, systemStat: "cpu 1\nbtime 1000\n", ticksPerSecond: 100, pageBytes: 4096))
    #expect(metrics.cpuSeconds == 3 && metrics.startSeconds == 1010 && metrics.threads == 7)
    #expect(metrics.virtualBytes == 123_456_789 && metrics.residentBytes == 8_192_000)
  }

  @Test("is none when the text is cut off", arguments: ["", "42 (a", "42 (a) S 1 2", "42"])
  func cutOff(stat: String) {
    #expect(ProcessMetrics.parse(stat: stat, systemStat: "btime 1\n", ticksPerSecond: 100, pageBytes: 4096) == nil)
  }

  @Test func isThereForThisProcess() throws {
    let metrics = try #require(ProcessMetrics.read())
    #expect(metrics.residentBytes > 1 << 20 && metrics.startSeconds > 1_500_000_000)
    #expect(try #require(metrics.openFiles) > 2)
  }
}
