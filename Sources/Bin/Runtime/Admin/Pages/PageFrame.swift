/// What is the same on every page: head, style, navigation, foot. One self-contained HTML document that needs nothing from outside.
enum PageFrame {
  enum Page: String, CaseIterable {
    case overview = "./"
    case targets = "targets"
    case log = "log"
    case forwarders = "forwarders"
    case configuration = "config"

    var title: String {
      switch self {
      case .overview: "Overview"
      case .targets: "Targets"
      case .log: "Log"
      case .forwarders: "Forwarders"
      case .configuration: "Configuration"
      }
    }
  }

  /// The page asks for itself again after so many seconds.
  static let refreshSeconds = 10

  static func render(_ page: Page, _ status: StatusSnapshot, refreshes: Bool = true, _ html: String) -> String {
    let refresh = refreshes ? "<meta http-equiv=\"refresh\" content=\"\(refreshSeconds)\">\n" : ""
    let role = HTMLText.escape(status.role)
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      \(refresh)<title>\(title(page, status)) · Clymene \(role)</title>
      <style>\(PageStyle.css)</style></head><body>
      <header><div class="top"><a class="brand" href="./">\(logo)Clymene <span>\(role)</span></a>
      <p>\(PageParts.badge(status.ready ? "ready" : "not ready", status.ready ? "good" : "bad"))
      <span>version \(HTMLText.escape(status.version))</span> <span>up \(Figures.span(status.uptimeSeconds))</span>
      <time>\(HTMLText.escape(status.time))</time></p></div>
      <nav aria-label="Pages">\(navigation(page, status))</nav></header>
      <main>
      \(html)</main>
      <footer><a href="metrics">metrics</a> <a href="api/v1/status">status as JSON</a> \
      <a href="api/v1/history">history as JSON</a> <a href="-/ready">ready</a> <a href="-/healthy">healthy</a>\
      \(refreshes ? " <span>refreshes every \(refreshSeconds) s</span>" : "")</footer>
      </body></html>

      """
  }

  /// Three bars of a queue on their way.
  private static let logo = """
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path d="M3 6h11M7 12h11M11 18h10"/></svg>
    """

  /// Who scrapes has targets, who receives has senders.
  private static func title(_ page: Page, _ status: StatusSnapshot) -> String {
    page == .targets && status.gateway != nil ? "Senders" : page.title
  }

  private static func navigation(_ current: Page, _ status: StatusSnapshot) -> String {
    Page.allCases.map { page in
      let mark = page == current ? " aria-current=\"page\"" : ""
      return "<a href=\"\(page.rawValue)\"\(mark)>\(title(page, status))\(count(page, status))</a>"
    }.joined(separator: "\n")
  }

  /// How many things on the page want somebody's attention.
  private static func count(_ page: Page, _ status: StatusSnapshot) -> String {
    let count =
      switch page {
      case .targets: status.downTargets
      case .forwarders: status.forwarders.count { $0.state == .held || $0.state == .retrying }
      case .log: status.log.full ? 1 : 0
      case .overview, .configuration: 0
      }
    return count == 0 ? "" : " <i>\(Figures.grouped(count))</i>"
  }
}
