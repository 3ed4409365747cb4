/// The page of all targets, grouped by job, those that are down first.
enum TargetsPage {
  /// So many targets stand on one page.
  static let pageLimit = 1000

  struct Filter: Equatable, Sendable {
    var health: StatusSnapshot.TargetPanel.Health?
    var job: String?
    /// Leaves out so many targets.
    var from = 0

    init() {}

    /// From the parameters of a link; what cannot be read is left out.
    init(health: String?, job: String?, from: String?) {
      self.health = health.flatMap { .init(rawValue: $0) }
      self.job = job
      self.from = from.flatMap { Int($0) }.map { max(0, $0) } ?? 0
    }

    /// The rest of a link that says the same.
    var query: String {
      var parts: [String] = []
      if let job { parts.append("job=\(HTMLText.queryValue(job))") }
      if let health { parts.append("health=\(health.rawValue)") }
      if from > 0 { parts.append("from=\(from)") }
      return parts.isEmpty ? "" : "?" + parts.joined(separator: "&amp;")
    }

    func with(_ change: (inout Filter) -> Void) -> Filter {
      var filter = self
      filter.from = 0
      change(&filter)
      return filter
    }
  }

  struct Job {
    var name: String
    var targets: [StatusSnapshot.TargetPanel]
  }

  /// In the order in which they come first.
  static func jobs(_ targets: [StatusSnapshot.TargetPanel]) -> [Job] {
    var places: [String: Int] = [:]
    var jobs: [Job] = []
    for target in targets {
      if let place = places[target.job] {
        jobs[place].targets.append(target)
      } else {
        places[target.job] = jobs.count
        jobs.append(Job(name: target.job, targets: [target]))
      }
    }
    return jobs
  }

  static func render(_ status: StatusSnapshot, _ filter: Filter) -> String {
    if let gateway = status.gateway {
      return PageFrame.render(
        .targets, status,
        PageParts.section("Senders", id: "senders", GatewayParts.senders(gateway, limit: .max))
          + PageParts.section("Protocols", id: "protocols", GatewayParts.protocols(gateway)))
    }
    let inJob = filter.job.map { job in status.targets.filter { $0.job == job } } ?? status.targets
    let chosen = inJob.filter { filter.health == nil || $0.health == filter.health }
    let ordered = jobs(chosen).flatMap { job in
      job.targets.filter { $0.health == .down } + job.targets.filter { $0.health != .down }
    }
    var filter = filter
    // The parameter may be any number, also one that has no successor.
    filter.from = min(filter.from, ordered.count)
    let shown = ordered.dropFirst(filter.from).prefix(pageLimit)
    var html = filters(filter, inJob, jobs: jobs(status.targets).map(\.name))
    if status.targets.isEmpty {
      html += PageParts.section("Targets", id: "targets", "<p>Nothing to scrape is configured.</p>")
    } else if shown.isEmpty {
      html += PageParts.section("Targets", id: "targets", "<p>No target is like that.</p>")
    }
    for job in jobs(Array(shown)) { html += section(job) }
    return PageFrame.render(.targets, status, html + pager(filter, count: ordered.count))
  }

  // MARK: choosing

  private static func filters(_ filter: Filter, _ inJob: [StatusSnapshot.TargetPanel], jobs: [String]) -> String {
    func link(_ text: String, _ count: Int?, _ other: Filter, isOn: Bool) -> String {
      "<a href=\"targets\(other.query)\"\(isOn ? " aria-current=\"true\"" : "")>\(HTMLText.escape(text))"
        + (count.map { " <i>\(Figures.grouped($0))</i>" } ?? "") + "</a>\n"
    }
    var html = "<nav class=\"filters\" aria-label=\"Health\">"
    html += link("all", inJob.count, filter.with { $0.health = nil }, isOn: filter.health == nil)
    for health in [StatusSnapshot.TargetPanel.Health.down, .up, .unknown] {
      html += link(
        health == .unknown ? "not scraped yet" : health.rawValue, inJob.count { $0.health == health },
        filter.with { $0.health = health }, isOn: filter.health == health)
    }
    html += "</nav>\n"
    guard jobs.count > 1 || filter.job != nil else { return html }
    html += "<nav class=\"filters\" aria-label=\"Jobs\">"
    html += link("all jobs", nil, filter.with { $0.job = nil }, isOn: filter.job == nil)
    for job in jobs.prefix(60) { html += link(job, nil, filter.with { $0.job = job }, isOn: filter.job == job) }
    return html + "</nav>\n"
  }

  private static func pager(_ filter: Filter, count: Int) -> String {
    guard count > pageLimit else { return "" }
    let last = min(count, filter.from + pageLimit)
    var html = "<p class=\"pager\">"
    if filter.from < count { html += "targets \(Figures.grouped(filter.from + 1)) to \(Figures.grouped(last)) of " }
    html += "\(Figures.grouped(count))"
    if filter.from > 0 {
      html += " <a href=\"targets\(filter.with { $0.from = max(0, filter.from - pageLimit) }.query)\">those before</a>"
    }
    if last < count { html += " <a href=\"targets\(filter.with { $0.from = last }.query)\">those behind</a>" }
    return html + "</p>\n"
  }

  // MARK: one job

  private static func section(_ job: Job) -> String {
    let up = job.targets.count { $0.health == .up }
    var html = """
      <section><h2>\(HTMLText.escape(job.name)) <small>\(Figures.grouped(up)) of \(Figures.grouped(job.targets.count)) \
      up</small></h2>
      <table class="targets"><thead><tr><th>target</th><th>health</th><th class="n">last scrape</th>\
      <th class="n">took</th><th class="n">next in</th><th class="n">samples</th><th class="n">series</th></tr></thead>\
      <tbody>

      """
    // A row is short, for there may be a thousand; the titles of narrow screens are in the style sheet.
    for target in job.targets {
      html += "<tr><td><b>\(HTMLText.escape(target.url))</b>\(labels(target))</td><td>\(health(target))</td><td>"
      html += target.lastScrapeAgeSeconds.map { Figures.span(max(0, $0.rounded())) + " ago" } ?? "–"
      html += "</td><td>\(target.lastScrapeSeconds.map(Figures.span) ?? "–")</td><td>"
      html += target.nextScrapeInSeconds.map { Figures.span(max(0, $0.rounded(.up))) } ?? "–"
      html += "</td><td>\(target.samples.map { Figures.grouped($0) } ?? "–")</td><td>"
      html += "\(target.series.map { Figures.grouped($0) } ?? "–")</td></tr>\n"
    }
    return html + "</tbody></table></section>\n"
  }

  /// Without the job, under which the target stands already.
  private static func labels(_ target: StatusSnapshot.TargetPanel) -> String {
    let labels = target.labels.filter { $0.key != "job" }.sorted { $0.key < $1.key }
    guard !labels.isEmpty else { return "" }
    return "<p>"
      + labels.map { "<i>\(HTMLText.escape($0.key))=<u>\(HTMLText.escape($0.value))</u></i>" }.joined(separator: " ")
      + "</p>"
  }

  private static func health(_ target: StatusSnapshot.TargetPanel) -> String {
    let tone =
      switch target.health {
      case .up: "good"
      case .down: "bad"
      case .unknown: "calm"
      }
    return PageParts.badge(target.health == .unknown ? "not scraped yet" : target.health.rawValue, tone)
      + (target.lastError.map { "<div class=\"error\">\(HTMLText.escape($0))</div>" } ?? "")
  }
}
