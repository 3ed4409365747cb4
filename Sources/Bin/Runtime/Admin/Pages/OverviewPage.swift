/// The first page: what wants attention, the state at a glance, the last hour.
enum OverviewPage {
  /// More things than this are counted only.
  private static let attentionLimit = 12

  static func render(_ status: StatusSnapshot, _ history: History) -> String {
    let charts = [
      Chart(
        status.gateway == nil ? "Samples scraped" : "Entries received", .perSecond,
        history.ring(.samplesPerSecond)),
      Chart(
        status.gateway == nil ? "Failed scrapes" : "Failed requests", .perSecond,
        history.ring(.failedScrapesPerSecond), tone: "bad"),
      Chart("Bytes in the log", .bytes, history.ring(.logBytes), tone: "two"),
      Chart("Processor", .cores, history.ring(.cpuCores), tone: "three"),
      Chart("Resident memory", .bytes, history.ring(.residentBytes), tone: "three"),
    ]
    return PageFrame.render(
      .overview, status,
      attention(status) + "<div class=\"tiles\">\(tiles(status, history))</div>\n"
        + PageParts.section("Forwarders", id: "forwarders", forwarders(status.forwarders, history))
        + (status.gateway.map {
          PageParts.section("Senders", id: "senders", GatewayParts.senders($0, limit: 10))
        } ?? PageParts.section("Jobs", id: "jobs", jobs(status.targets)))
        + PageParts.section("History", id: "charts", PageParts.charts(charts)))
  }

  // MARK: what wants attention

  private static func attention(_ status: StatusSnapshot) -> String {
    let items = Attention.items(status)
    guard !items.isEmpty else {
      return "<p class=\"notice good\" id=\"attention\">Everything works. Nothing wants attention.</p>\n"
    }
    var html = "<ul class=\"notice\" id=\"attention\">\n"
    for item in items.prefix(attentionLimit) {
      html += "<li class=\"\(item.isSevere ? "bad" : "warn")\"><a href=\"\(item.page.rawValue)\">"
      html += "\(HTMLText.escape(item.subject))</a> \(HTMLText.escape(item.text))</li>\n"
    }
    if items.count > attentionLimit {
      html += "<li>and \(Figures.grouped(items.count - attentionLimit)) more</li>\n"
    }
    return html + "</ul>\n"
  }

  // MARK: tiles

  private static func tiles(_ status: StatusSnapshot, _ history: History) -> String {
    let up = status.targets.count { $0.health == .up }
    let down = status.targets.count { $0.health == .down }
    let log = status.log
    let share = log.limitBytes > 0 ? Double(log.bytes) / Double(log.limitBytes) : 0
    let stuck = status.forwarders.count { $0.state == .held || $0.state == .retrying }
    let oldest = status.forwarders.compactMap(\.waitingSeconds).max()
    let samples = history.ring(.samplesPerSecond).last.map { Figures.short(Double($0)) + "/s" } ?? "–"
    let cores = history.ring(.cpuCores).last.map { Figures.short(Double($0) * 100) + " %" } ?? "–"
    let scraped =
      PageParts.tile(
        "Targets", "\(Figures.grouped(up)) of \(Figures.grouped(status.targets.count)) up",
        down > 0 ? "\(Figures.grouped(down)) down" : "none is down", tone: down > 0 ? "bad" : "")
      + PageParts.tile("Samples scraped", samples, "\(Figures.grouped(seriesCount(status.targets))) series")
    return (status.gateway.map { GatewayParts.tiles($0, rate: samples) } ?? scraped)
      + PageParts.tile(
        "Log", Figures.bytes(log.bytes), "of \(Figures.bytes(log.limitBytes)), \(Figures.grouped(log.rows)) rows",
        tone: log.full ? "bad" : share > 0.8 ? "warn" : "",
        extra: PageParts.bar(
          share, label: "\(Figures.short(share * 100)) per cent of the log's limit", tone: share > 0.8 ? "warn" : ""))
      + PageParts.tile(
        "Room for an outage", log.outageRoomSeconds.map(Figures.about) ?? "–",
        log.fullInSeconds.map { "full in \(Figures.about($0))" } ?? "the log does not grow")
      + PageParts.tile(
        "Forwarders",
        stuck == 0 ? "\(status.forwarders.count) working" : "\(stuck) of \(status.forwarders.count) stuck",
        oldest.map { "oldest row waits for \(Figures.span($0.rounded()))" } ?? "nothing waits",
        tone: stuck > 0 ? "bad" : "")
      + PageParts.tile(
        "Process", status.process.residentBytes.map(Figures.bytes) ?? "–",
        "\(cores) of a core, \(status.process.openFiles.map { "\(Figures.grouped($0)) open files" } ?? "")")
  }

  private static func seriesCount(_ targets: [StatusSnapshot.TargetPanel]) -> Int {
    targets.reduce(0) { $0 + ($1.series ?? 0) }
  }

  // MARK: tables

  private static func forwarders(_ panels: [StatusSnapshot.ForwarderPanel], _ history: History) -> String {
    if panels.isEmpty { return "<p>No forwarder is configured: everything stays in the log.</p>" }
    return PageParts.table(
      "compact",
      [
        .text("name"), .text("state"), .number("rows waiting"), .number("bytes waiting"), .number("oldest waits"),
        .number("delivered"), .number("drained in"),
      ],
      panels.map { panel in
        let rate = history.ring(.entriesPerSecond, of: panel.name).last
        return [
          "<b><a href=\"forwarders#\(HTMLText.escape(ForwardersPage.anchor(panel.name)))\">"
            + "\(HTMLText.escape(panel.name))</a></b> <small>\(HTMLText.escape(panel.type))</small>",
          ForwardersPage.badge(panel.state), Figures.grouped(panel.waitingRows), Figures.bytes(panel.waitingBytes),
          panel.waitingSeconds.map { Figures.span($0.rounded()) } ?? "–",
          rate.map { Figures.short(Double($0)) + "/s" } ?? "–", ForwardersPage.drain(panel),
        ]
      })
  }

  private static func jobs(_ targets: [StatusSnapshot.TargetPanel]) -> String {
    let jobs = TargetsPage.jobs(targets)
    if jobs.isEmpty { return "<p>Nothing to scrape is configured.</p>" }
    return PageParts.table(
      "compact",
      [
        .text("job"), .text("health"), .number("targets"), .number("samples"), .number("series"),
        .number("slowest scrape"),
      ],
      jobs.map { job in
        let down = job.targets.count { $0.health == .down }
        return [
          "<b><a href=\"targets?job=\(HTMLText.queryValue(job.name))\">\(HTMLText.escape(job.name))</a></b>",
          down > 0
            ? PageParts.badge("\(down) down", "bad")
            : job.targets.contains { $0.health == .up }
              ? PageParts.badge("up", "good") : PageParts.badge("not scraped yet", "calm"),
          Figures.grouped(job.targets.count), Figures.grouped(job.targets.reduce(0) { $0 + ($1.samples ?? 0) }),
          Figures.grouped(seriesCount(job.targets)),
          job.targets.compactMap(\.lastScrapeSeconds).max().map(Figures.span) ?? "–",
        ]
      })
  }
}
