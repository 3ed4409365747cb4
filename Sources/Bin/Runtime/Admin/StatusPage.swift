/// The status page: one self-contained HTML document, drawn from a snapshot and from nothing else.
enum StatusPage {
  static let refreshSeconds = 5

  static func render(_ status: StatusSnapshot) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="refresh" content="\(refreshSeconds)">
    <title>Clymene \(HTMLText.escape(status.role))</title>
    <style>\(StatusPageStyle.css)</style></head><body>
    <header><h1>Clymene <span>\(HTMLText.escape(status.role))</span></h1>
    <p>\(badge(status.ready ? "ready" : "not ready", status.ready ? "good" : "bad"))
    version \(HTMLText.escape(status.version)) · up \(HTMLText.span(status.uptimeSeconds))
    · <time>\(HTMLText.escape(status.time))</time></p></header>
    <main>
    \(forwarders(status.forwarders))
    \(log(status.log))
    \(targets(status.targets))
    </main>
    <footer><a href="metrics">metrics</a> <a href="api/v1/status">status as JSON</a> <a href="-/ready">ready</a>
    <a href="-/healthy">healthy</a></footer>
    </body></html>

    """
  }

  // MARK: sections

  private static func forwarders(_ panels: [StatusSnapshot.ForwarderPanel]) -> String {
    let rows = panels.map { panel in
      let tone: String =
        switch panel.state {
        case .idle, .delivering: "good"
        case .retrying: "warn"
        case .held: "bad"
        }
      var last = panel.lastDeliveryAt.map { "delivered \(HTMLText.escape($0))" } ?? "nothing delivered yet"
      if let alarm = panel.alarm {
        last += "<div class=\"error\">\(HTMLText.escape(alarm))</div>"
      } else if let error = panel.lastError {
        let at = panel.lastErrorAt.map { HTMLText.escape($0) + ": " } ?? ""
        let tone = panel.state == .retrying ? "error" : "past"
        last += "<div class=\"\(tone)\">\(at)\(HTMLText.escape(error))</div>"
      }
      return [
        cell("<b>\(HTMLText.escape(panel.name))</b> <small>\(HTMLText.escape(panel.type))</small>"),
        cell(badge(panel.state.rawValue, tone)),
        number(panel.waitingSeconds.map(HTMLText.span) ?? "–"), number(HTMLText.grouped(panel.waitingRows)),
        number(ByteSize(bytes: panel.waitingBytes).description), number(HTMLText.grouped(panel.deliveredRows)),
        number(HTMLText.grouped(panel.droppedRows), tone: panel.droppedRows > 0 ? "bad" : ""), cell(last),
      ]
    }
    return section(
      "Forwarders", empty: "No forwarder is configured: everything stays in the log.",
      head: [
        "name", "state", "oldest waiting", "rows waiting", "bytes waiting", "rows delivered", "rows dropped", "last",
      ],
      rows)
  }

  private static func log(_ log: StatusSnapshot.LogPanel) -> String {
    let share = log.limitBytes > 0 ? min(1, Double(log.bytes) / Double(log.limitBytes)) : 0
    var facts = [
      ("disk", "\(ByteSize(bytes: log.bytes)) of \(ByteSize(bytes: log.limitBytes))"),
      ("segments", HTMLText.grouped(log.segments)), ("rows", HTMLText.grouped(log.rows)),
      (
        "oldest row",
        log.oldestAgeSeconds.map { HTMLText.span($0) + " ago" } ?? "–"
      ),
      ("kept for", log.maxAgeSeconds.map { "at most " + HTMLText.span($0) } ?? "until delivered"),
      ("when full", log.whenFull + (log.full ? " (it is full)" : "")),
    ]
    if log.quarantined > 0 { facts.append(("in quarantine", HTMLText.grouped(log.quarantined))) }
    let list = facts.map { "<div><dt>\($0.0)</dt><dd>\(HTMLText.escape($0.1))</dd></div>" }.joined(separator: "\n")
    let remarks = log.remarks.map { "<p class=\"error\">\(HTMLText.escape($0))</p>" }.joined(separator: "\n")
    let tenants = log.tenants.map {
      [cell(HTMLText.escape($0.tenant.isEmpty ? "(default)" : $0.tenant)), number(HTMLText.grouped($0.rows))]
    }
    return """
      <section><h2>Log <small>\(HTMLText.escape(log.directory))</small></h2>
      <div class="bar"><i style="width:\((share * 1000).rounded() / 10)%"></i></div>
      <dl>\(list)</dl>
      \(remarks)
      \(tenants.isEmpty ? "" : table(["tenant", "rows"], tenants))
      </section>
      """
  }

  private static func targets(_ panels: [StatusSnapshot.TargetPanel]) -> String {
    let rows = panels.map { panel in
      let tone: String =
        switch panel.health {
        case .up: "good"
        case .down: "bad"
        case .unknown: "warn"
        }
      let labels = panel.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
        .joined(separator: ", ")
      return [
        cell("<b>\(HTMLText.escape(panel.job))</b>"),
        cell("\(HTMLText.escape(panel.url))<br><small>\(HTMLText.escape(labels))</small>"),
        cell(
          badge(panel.health.rawValue, tone)
            + (panel.lastError.map { "<div class=\"error\">\(HTMLText.escape($0))</div>" } ?? "")),
        cell(panel.lastScrapeAt.map(HTMLText.escape) ?? "–"),
        number(panel.lastScrapeSeconds.map(HTMLText.span) ?? "–"),
        number(panel.samples.map { HTMLText.grouped($0) } ?? "–"),
        number(panel.nextScrapeInSeconds.map { HTMLText.span(max(0, $0)) } ?? "–"),
      ]
    }
    return section(
      "Targets", empty: "Nothing to scrape is configured.",
      head: ["job", "target", "health", "last scrape", "took", "samples", "next in"], rows)
  }

  // MARK: pieces

  private static func section(_ title: String, empty: String, head: [String], _ rows: [[String]]) -> String {
    "<section><h2>\(title) <small>\(rows.count)</small></h2>"
      + (rows.isEmpty ? "<p>\(empty)</p>" : table(head, rows)) + "</section>"
  }

  private static func table(_ head: [String], _ rows: [[String]]) -> String {
    "<div class=\"wide\"><table><thead><tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr></thead><tbody>"
      + rows.map { "<tr>" + $0.joined() + "</tr>" }.joined(separator: "\n") + "</tbody></table></div>"
  }

  private static func cell(_ html: String) -> String { "<td>\(html)</td>" }

  private static func number(_ text: String, tone: String = "") -> String { "<td class=\"n \(tone)\">\(text)</td>" }

  private static func badge(_ text: String, _ tone: String) -> String {
    "<span class=\"badge \(tone)\">\(HTMLText.escape(text))</span>"
  }
}
