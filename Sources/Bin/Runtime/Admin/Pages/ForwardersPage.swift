/// The page of all forwarders: how each stands, what waits for it, how its requests ended, the last hour.
enum ForwardersPage {
  static func render(_ status: StatusSnapshot, _ history: History) -> String {
    let html =
      status.forwarders.isEmpty
      ? PageParts.section(
        "Forwarders", id: "forwarders", "<p>No forwarder is configured: everything stays in the log.</p>")
      : status.forwarders.map { section($0, history) }.joined()
    return PageFrame.render(.forwarders, status, html)
  }

  static func badge(_ state: StatusSnapshot.ForwarderPanel.State) -> String {
    let tone =
      switch state {
      case .idle, .delivering: "good"
      case .retrying: "warn"
      case .held: "bad"
      }
    return PageParts.badge(state.rawValue, tone)
  }

  static func drain(_ panel: StatusSnapshot.ForwarderPanel) -> String {
    guard panel.waitingRows > 0 else { return "nothing waits" }
    return panel.drainSeconds.map(Figures.about) ?? "–"
  }

  /// Where a forwarder stands on the page.
  static func anchor(_ name: String) -> String { "f-" + HTMLText.queryValue(name).replacing("%", with: "_") }

  private static func section(_ panel: StatusSnapshot.ForwarderPanel, _ history: History) -> String {
    let charts = [
      Chart("Delivered", .perSecond, history.ring(.entriesPerSecond, of: panel.name)),
      Chart("Sent", .bytesPerSecond, history.ring(.sentBytesPerSecond, of: panel.name)),
      Chart("Rows waiting", .rows, history.ring(.waitingRows, of: panel.name), tone: "two"),
      Chart("Oldest row waits", .seconds, history.ring(.waitingSeconds, of: panel.name), tone: "two"),
    ]
    return """
      <section id="\(HTMLText.escape(anchor(panel.name)))"><h2>\(HTMLText.escape(panel.name)) \
      <small>\(HTMLText.escape(panel.type))</small> \(badge(panel.state))</h2>
      \(trouble(panel))\(PageParts.facts(facts(panel)))\(PageParts.charts(charts, areEven: true))\
      \(outcomes(panel))</section>

      """
  }

  private static func trouble(_ panel: StatusSnapshot.ForwarderPanel) -> String {
    if let alarm = panel.alarm { return "<p class=\"notice bad\">\(HTMLText.escape(alarm))</p>\n" }
    guard let error = panel.lastError else { return "" }
    let time = panel.lastErrorAt.map { PageParts.time($0, ageSeconds: panel.lastErrorAgeSeconds) + ": " } ?? ""
    let isNow = panel.state == .retrying
    return "<p class=\"\(isNow ? "notice warn" : "past")\">\(isNow ? "" : "last error, ")\(time)"
      + "\(HTMLText.escape(error))\(isNow ? " (\(Figures.grouped(panel.failuresInARow)) in a row)" : "")</p>\n"
  }

  private static func facts(_ panel: StatusSnapshot.ForwarderPanel) -> [(name: String, html: String)] {
    func count(_ number: some BinaryInteger, isBad: Bool = false) -> String {
      isBad && number > 0 ? "<span class=\"bad\">\(Figures.grouped(number))</span>" : Figures.grouped(number)
    }
    return [
      ("rows waiting", count(panel.waitingRows)), ("bytes waiting", Figures.bytes(panel.waitingBytes)),
      ("oldest waits", panel.waitingSeconds.map { Figures.span($0.rounded()) } ?? "–"), ("drained in", drain(panel)),
      (
        "last delivery",
        panel.lastDeliveryAt.map { PageParts.time($0, ageSeconds: panel.lastDeliveryAgeSeconds) } ?? "none yet"
      ),
      ("in flight", count(panel.inFlight)), ("rows delivered", count(panel.deliveredRows)),
      ("entries delivered", count(panel.deliveredEntries)),
      ("bytes delivered", Figures.bytes(panel.deliveredBytes)), ("bytes sent", Figures.bytes(panel.sentBytes)),
      ("mean answer time", panel.requestSeconds.map(Figures.span) ?? "–"),
      ("rows already there", count(panel.alreadyThereRows)),
      ("rows in dead letters", count(panel.deadLetterRows, isBad: true)),
      ("rows dropped", count(panel.droppedRows, isBad: true)), ("rows missing", count(panel.missingRows, isBad: true)),
    ]
  }

  /// All outcomes, those that never came about too, so that the table does not jump.
  private static func outcomes(_ panel: StatusSnapshot.ForwarderPanel) -> String {
    let names = LaneCounters.Result.allCases.map(\.rawValue)
    let columns = names.map { PageParts.Column.number($0.replacing("_", with: " ")) }
    return PageParts.table(
      "compact", [.text("requests")] + columns + [.number("from splitting"), .number("read errors")],
      [
        ["since the start"] + names.map { Figures.grouped(panel.requests[$0] ?? 0) }
          + [Figures.grouped(panel.splitRequests), Figures.grouped(panel.readErrors)]
      ])
  }
}
