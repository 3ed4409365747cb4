import Foundation
import Testing

@testable import Runtime

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
    for name in ["sent_bytes_total", "dead_letter_rows_total", "rows_already_there_total", "split_requests_total"] {
      #expect(page.text.contains("clymene_forwarder_\(name){forwarder=\"a\\\"b\"} 0\n"), "\(name)")
    }
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
