import Foundation
import Testing

@testable import Runtime

private let hostile = "<script>alert(\"x\")</script>&'\u{1}"

/// Each page by its address.
private func pages(_ status: StatusSnapshot, _ history: History = exampleHistory()) -> [String: String] {
  [
    "/": OverviewPage.render(status, history), "/targets": TargetsPage.render(status, .init()),
    "/log": LogPage.render(status, history), "/forwarders": ForwardersPage.render(status, history),
    "/config": ConfigurationPage.render(status, sanitizedText: "global: {}\n"),
  ]
}

@Suite("The pages")
struct PagesTests {
  @Test(
    "show what they are about",
    arguments: [
      ("/", ["0 of 1 up", "1 down", "100 MiB", "of 1 GiB", "about 12 d", "full in about 2 h", "1 of 1 stuck", "held"]),
      (
        "/targets",
        ["http://node:9100/metrics", "12.3 ms", "1,234", "1,300", ">down<", "instance=<u>node</u>", "2 s ago"]
      ),
      (
        "/log",
        ["/data/node", "100 MiB of 1 GiB", "12,345", "1 d ago", "not configured", "about 12 d", "30 d", "5 KiB"]
      ),
      ("/forwarders", ["41,000", "about 5 min", "1 min 5 s", "4 KiB", "77", "too large", "rows in dead letters"]),
      ("/config", ["global: {}"]),
    ])
  func content(address: String, parts: [String]) throws {
    let page = try #require(pages(exampleStatus())[address])
    for part in parts { #expect(page.contains(part), "\(part) is missing") }
  }

  @Test func escapeEverythingThatComesFromOutside() {
    for (address, page) in pages(exampleStatus(text: hostile), exampleHistory(forwarders: [hostile])) {
      #expect(!page.contains("<script"), "\(address)")
      #expect(!page.contains("\u{1}"), "\(address)")
    }
    let page = TargetsPage.render(exampleStatus(text: hostile), .init())
    #expect(page.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;"))
    let filtered = TargetsPage.render(exampleStatus(), .init(health: "down", job: hostile, from: nil))
    #expect(!filtered.contains("<script"))
    #expect(filtered.contains("No target is like that."))
    #expect(!ConfigurationPage.render(exampleStatus(), sanitizedText: hostile).contains("<script"))
  }

  @Test func needNothingFromOutside() {
    for (address, page) in pages(exampleStatus()) {
      #expect(!page.contains("src=") && !page.contains("<link"), "\(address)")
      #expect(!page.contains("@import") && !page.contains("url("), "\(address)")
      // A configuration is read and copied, not watched.
      #expect(page.contains("http-equiv=\"refresh\"") == (address != "/config"), "\(address)")
    }
  }

  @Test func leadToEachOtherAndSayWhichOneIsOpen() {
    for (address, page) in pages(exampleStatus()) {
      for link in ["./", "targets", "log", "forwarders", "config"] {
        #expect(page.contains("<a href=\"\(link)\""), "\(address) to \(link)")
      }
      let open = address == "/" ? "./" : String(address.dropFirst())
      #expect(page.contains("<a href=\"\(open)\" aria-current=\"page\">"), "\(address)")
    }
  }

  @Test func sayWhatIsMissingWhenNothingIsConfigured() {
    var status = exampleStatus()
    status.targets = []
    status.forwarders = []
    status.log.remarks = []
    status.log.consumers = []
    status.log.tenants = []
    status.log.deadLetters = 0
    let all = pages(status, History())
    #expect(all["/targets"]?.contains("Nothing to scrape is configured.") == true)
    #expect(all["/forwarders"]?.contains("No forwarder is configured") == true)
    #expect(all["/log"]?.contains("The log is empty.") == true)
    #expect(all["/"]?.contains("Nothing wants attention.") == true)
    #expect(all["/"]?.contains("The first value comes within 10 seconds.") == true)
  }

  @Test func areTheSameAsJSON() throws {
    let json = try AdminServer.json(exampleStatus(text: hostile))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    let log = try #require(object["log"] as? [String: Any])
    #expect(log["limit_bytes"] as? Int == 1 << 30)
    let forwarders = try #require(object["forwarders"] as? [[String: Any]])
    #expect(forwarders[0]["waiting_rows"] as? Int == 77 && forwarders[0]["name"] as? String == hostile)
    #expect(forwarders[0]["drain_seconds"] as? Double == 300)
  }
}

@Suite("What wants attention")
struct AttentionTests {
  @Test func comesWithTheWorstFirst() {
    let items = Attention.items(exampleStatus())
    #expect(items.first?.page == .forwarders && items.first?.isSevere == true)
    #expect(items.contains { $0.page == .targets && $0.text.contains("is down") })
    #expect(items.contains { $0.text.contains("5 rows") && $0.text.contains("dead letters") })
    #expect(items.contains { $0.text.contains("2 dropped") })
    #expect(items.contains { $0.page == .log && $0.text.contains("holds 3 dead letters") })
  }

  @Test func isNothingWhenAllIsWell() {
    var status = exampleStatus()
    status.targets[0].health = .up
    status.log.remarks = []
    status.forwarders[0].state = .delivering
    status.forwarders[0].deadLetterRows = 0
    status.forwarders[0].droppedRows = 0
    status.log.deadLetters = 0
    #expect(Attention.items(status).isEmpty)
  }

  @Test func namesAFullLogAndWhatFollows() {
    var status = exampleStatus()
    status.log.full = true
    #expect(Attention.items(status).contains { $0.page == .log && $0.text.contains("the oldest rows are dropped") })
    status.log.whenFull = "reject"
    #expect(Attention.items(status).contains { $0.page == .log && $0.text.contains("new rows are not taken") })
  }
}

@Suite("The page of targets")
struct TargetsPageTests {
  private func status(_ count: Int) -> StatusSnapshot {
    var status = exampleStatus()
    status.targets = (0..<count).map { index in
      .init(
        job: "job \(index % 4)", url: "http://10.0.\(index / 250).\(index % 250):9100/metrics",
        labels: ["instance": "10.0.\(index / 250).\(index % 250):9100", "rack": "r\(index % 20)"],
        health: index % 10 == 7 ? .down : .up, lastError: index % 10 == 7 ? "connection refused" : nil,
        lastScrapeAgeSeconds: 3, lastScrapeSeconds: 0.01, samples: 1000, series: 1005, nextScrapeInSeconds: 12)
    }
    return status
  }

  @Test func choosesByHealthAndByJob() {
    let down = TargetsPage.render(status(40), .init(health: "down", job: nil, from: nil))
    #expect(down.contains("10.0.0.7:9100") && down.contains("10.0.0.37:9100") && !down.contains("10.0.0.8:9100"))
    let job = TargetsPage.render(status(40), .init(health: nil, job: "job 3", from: nil))
    #expect(job.contains("10.0.0.3:9100") && !job.contains("10.0.0.4:9100"))
    let both = TargetsPage.render(status(40), .init(health: "down", job: "job 3", from: nil))
    #expect(both.contains("10.0.0.7:9100") && !both.contains("10.0.0.3:9100") && !both.contains("10.0.0.17:9100"))
    #expect(both.contains("targets?job=job%203&amp;health=up"), "a filter keeps the other")
    #expect(TargetsPage.render(status(4), .init(health: "nonsense", job: nil, from: "-7")).contains("10.0.0.3:9100"))
  }

  @Test func showsThoseThatAreDownFirstInEachJob() throws {
    let page = TargetsPage.render(status(40), .init())
    let down = try #require(page.range(of: "10.0.0.7:9100"))
    let up = try #require(page.range(of: "10.0.0.3:9100"))
    #expect(down.lowerBound < up.lowerBound)
  }

  @Test func showsAThousandAtATime() {
    let first = TargetsPage.render(status(2500), .init())
    #expect(first.components(separatedBy: "<tr><td>").count == 1001)
    #expect(first.contains("targets 1 to 1,000 of 2,500") && first.contains("targets?from=1000"))
    #expect(first.utf8.count < 600_000, "\(first.utf8.count) bytes")
    let last = TargetsPage.render(status(2500), .init(health: nil, job: nil, from: "2000"))
    #expect(last.components(separatedBy: "<tr><td>").count == 501)
    #expect(last.contains("targets 2,001 to 2,500 of 2,500"))
    #expect(
      TargetsPage.render(status(5), .init(health: nil, job: nil, from: "9000")).contains("No target is like that."))
  }

  @Test func aPageBehindTheLastIsEmptyHoweverFarItIs() {
    for from in ["2500", "9000", "\(Int.max)", "\(Int.max - 999)", "99999999999999999999999"] {
      let page = TargetsPage.render(status(2500), .init(health: nil, job: nil, from: from))
      let isNumber = Int(from) != nil
      #expect(page.contains("No target is like that.") == isNumber)
      #expect(page.contains("targets?from=1500") == isNumber, "the way back")
    }
  }
}
