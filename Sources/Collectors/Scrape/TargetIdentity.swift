import Codec
import Model

/// What one target is: where it is fetched from, the labels of its series, and the hashes that stay the same across restarts.
struct TargetIdentity: Sendable, Hashable {
  let url: String
  /// For people: the URL without the values of parameters that sound like secrets.
  let shownURL: String
  let job: String
  /// Sorted by name; with `job` and `instance`, without the labels that begin with `__`.
  let labels: [Label]

  /// Source: prometheus/prometheus, scrape/target.go (PopulateLabels), without relabelling.
  init(_ target: ScrapeTarget, of job: ScrapeJob) {
    func given(_ name: String) -> String? {
      target.labels.first { $0.name == name && !$0.value.isEmpty }?.value
    }
    let address = given("__address__") ?? target.address
    let scheme = given("__scheme__") ?? job.scheme
    let path = given("__metrics_path__") ?? job.metricsPath
    var labels = target.labels.filter { !$0.name.hasPrefix("__") && !$0.value.isEmpty }
    // As Prometheus does, a target may have a job label of its own.
    if given("job") == nil { labels.append(Label("job", job.name)) }
    if given("instance") == nil { labels.append(Label("instance", address)) }
    let place = "\(scheme)://\(address)" + TargetURL.escapedPath(path.hasPrefix("/") ? path : "/" + path)
    let params = TargetURL.parameters(of: job.params, target.labels)
    url = place + TargetURL.query(params)
    shownURL = place + TargetURL.query(params, hidingSecrets: true)
    self.job = job.name
    self.labels = Labels(labels).pairs
  }

  /// Of the rows that the target's scrapes become.
  var source: UInt64 { hash("scrape") }

  /// Spreads the targets of a job over its interval, the same way after a restart.
  var spread: UInt64 { hash("offset") }

  private func hash(_ purpose: String) -> UInt64 {
    var text = "\(purpose)\n\(job)"
    for label in labels { text += "\n\(label.name)\u{0}\(label.value)" }
    if purpose == "offset" { text += "\n\(url)" }
    let bytes = Array(text.utf8)
    return Checksum.xxh3(bytes.span.bytes)
  }
}
