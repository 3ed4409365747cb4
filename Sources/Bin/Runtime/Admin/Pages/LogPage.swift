/// The page of the log: what it holds, for whom, and how long its room lasts.
enum LogPage {
  static func render(_ status: StatusSnapshot, _ history: History) -> String {
    let log = status.log
    let charts = [
      Chart("Bytes in the log", .bytes, history.ring(.logBytes), tone: "two"),
      Chart("Rows stored", .perSecond, history.ring(.appendedRowsPerSecond)),
    ]
    return PageFrame.render(
      .log, status,
      PageParts.section("Log", log.directory, id: "log", room(log) + PageParts.facts(facts(log)) + remarks(log))
        + PageParts.section("History", id: "charts", PageParts.charts(charts, areEven: true))
        + PageParts.section("Who still needs it", id: "consumers", consumers(log))
        + PageParts.section("Tenants", id: "tenants", tenants(log)))
  }

  private static func room(_ log: StatusSnapshot.LogPanel) -> String {
    let share = log.limitBytes > 0 ? Double(log.bytes) / Double(log.limitBytes) : 0
    let text = "\(Figures.bytes(log.bytes)) of \(Figures.bytes(log.limitBytes)), \(Figures.short(share * 100)) %"
    return PageParts.bar(share, label: text, tone: log.full ? "bad" : share > 0.8 ? "warn" : "")
      + "<p class=\"past\">\(text)\(log.full ? ": it is full" : "")</p>\n"
  }

  private static func facts(_ log: StatusSnapshot.LogPanel) -> [(name: String, html: String)] {
    let oldest = log.oldestAt.map { PageParts.time($0, ageSeconds: log.oldestAgeSeconds) } ?? "–"
    let policy = log.whenFull == "reject" ? "takes no new rows" : "drops the oldest rows"
    func bad(_ count: some BinaryInteger) -> String {
      count > 0 ? "<span class=\"bad\">\(Figures.grouped(count))</span>" : Figures.grouped(count)
    }
    return [
      ("segments", Figures.grouped(log.segments)), ("blocks", Figures.grouped(log.blocks)),
      ("rows", Figures.grouped(log.rows)), ("samples and entries", Figures.grouped(log.entries)),
      (
        "bytes a sample or entry", log.entries > 0 ? Figures.short(Double(log.bytes) / Double(log.entries)) : "–"
      ),
      ("oldest", oldest), ("newest", log.newestAt.map { PageParts.time($0, ageSeconds: log.newestAgeSeconds) } ?? "–"),
      ("full in, at the present growth", log.fullInSeconds.map(Figures.about) ?? "–, it does not grow"),
      ("room for an outage", log.outageRoomSeconds.map(Figures.about) ?? "–"),
      ("when full", "\(policy) <small>(\(HTMLText.escape(log.whenFull)))</small>"),
      ("kept for", log.maxAgeSeconds.map { "at most " + Figures.span($0) } ?? "until delivered"),
      ("kept after delivery", log.keepDeliveredSeconds.map { $0 > 0 ? Figures.span($0) : "not at all" } ?? "–"),
      ("rows dropped", bad(log.droppedRows)), ("blocks damaged", bad(log.damagedBlocks)),
      ("segments in quarantine", bad(log.quarantined)),
      (
        "dead letters",
        bad(log.deadLetters) + (log.deadLetters > 0 ? " <small>(\(Figures.bytes(log.deadLetterBytes)))</small>" : "")
      ), ("dead letters dropped", bad(log.deadLettersDropped)),
    ]
  }

  private static func remarks(_ log: StatusSnapshot.LogPanel) -> String {
    log.remarks.map { "<p class=\"notice warn\">\(HTMLText.escape($0))</p>\n" }.joined()
  }

  private static func consumers(_ log: StatusSnapshot.LogPanel) -> String {
    if log.consumers.isEmpty { return "<p>No forwarder has a place in the log.</p>" }
    return PageParts.table(
      "compact",
      [
        .text("forwarder"), .text("keeps rows"), .number("rows waiting"), .number("bytes waiting"),
        .text("of the log"), .number("dropped"), .number("missing"),
      ],
      log.consumers.map { consumer in
        let share = log.rows > 0 ? Double(consumer.waitingRows) / Double(log.rows) : 0
        return [
          "<b>\(HTMLText.escape(consumer.name))</b>" + (consumer.configured ? "" : " <small>not configured</small>"),
          consumer.holdsSegments ? "yes" : "no", Figures.grouped(consumer.waitingRows),
          Figures.bytes(consumer.waitingBytes),
          PageParts.bar(share, label: "\(Figures.short(share * 100)) per cent of the rows wait", tone: "small"),
          Figures.grouped(consumer.droppedRows), Figures.grouped(consumer.missingRows),
        ]
      })
  }

  private static func tenants(_ log: StatusSnapshot.LogPanel) -> String {
    if log.tenants.isEmpty { return "<p>The log is empty.</p>" }
    return PageParts.table(
      "compact", [.text("tenant"), .text("signal"), .number("rows")],
      log.tenants.map {
        [
          $0.tenant.isEmpty ? "<small>the default one</small>" : "<b>\(HTMLText.escape($0.tenant))</b>",
          HTMLText.escape($0.signal), Figures.grouped($0.rows),
        ]
      })
  }
}
