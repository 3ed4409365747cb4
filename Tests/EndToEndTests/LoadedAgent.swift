import Foundation

/// The built agent with a load exporter's targets and the forwarders of a test, in a temporary folder.
final class LoadedAgent: ClymeneProcess {
  private let parts: (global: String, rest: String)

  /// Delivered rows stay in the log, so that it can be compared with what arrived. `forwarders` are items of a list in flow style.
  init(
    exporter: LoadExporter, interval: String, forwarders: [String], labels: String = "", named name: String = "agent",
    in folder: URL
  ) throws {
    parts = (
      "global: {scrape_interval: \(interval), scrape_timeout: \(interval), external_labels: {\(labels)}}\n",
      """
      wal: {directory: ./wal-\(name), keep_delivered: 1d}
      forwarders:
      \(forwarders.map { "  - \($0)" }.joined(separator: "\n"))

      """
    )
    try super.init("agent", named: name, in: folder)
    try configure("\(parts.global)scrape_configs:\n\(exporter.job)\n\(parts.rest)")
  }

  /// From the next start on nothing is scraped: what waits is delivered, and nothing is added.
  func scrapeNothing() throws { try configure("\(parts.global)\(parts.rest)") }
}
