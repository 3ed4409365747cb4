import GatewayCollectors
import Model

/// A gateway's counters as metrics.
enum GatewayMetrics {
  static func add(_ collector: GatewayCollector, _ signal: Signal, to page: inout MetricsText) {
    let counters = collector.counters
    page.add(
      "clymene_gateway_requests_total", .counter, "Requests answered, by how they came and what came of them.",
      counters.requests.sorted { ($0.key.path.rawValue, $0.key.outcome) < ($1.key.path.rawValue, $1.key.outcome) }.map {
        ([("protocol", $0.key.path.rawValue), ("outcome", $0.key.outcome)], Double($0.value))
      })
    page.add(
      "clymene_gateway_blocks_total", .counter, "Clymene blocks answered, by what came of them.",
      counters.blocks.sorted { $0.key < $1.key }.map { ([("answer", $0.key)], Double($0.value)) })
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      page.add("clymene_gateway_\(name)_total", .counter, help, value)
    }
    counter("rows", "Rows stored.", counters.rows)
    if signal == .metrics {
      counter("samples", "Samples stored; those of blocks with their histograms.", counters.samples)
      counter("histograms", "Native histograms stored that were pushed.", counters.histograms)
      counter("exemplars", "Exemplars stored that were pushed.", counters.exemplars)
    } else {
      counter("log_entries", "Log entries stored.", counters.logEntries)
    }
    counter(
      "rejected_entries", "Samples or entries left out of pushes whose rest was taken.", counters.rejectedEntries)
    counter("received_bytes", "Bytes of bodies as they came over the network.", counters.bytes)
    let senders = collector.senders
    page.add("clymene_gateway_senders", .gauge, "Senders that were heard of.", senders.count)
    let tables = collector.cachedTables
    page.add("clymene_gateway_cached_tables", .gauge, "Tables kept so that they need not come again.", tables.count)
    page.add("clymene_gateway_cached_table_bytes", .gauge, "Their bytes.", tables.bytes)
    page.add(
      "clymene_gateway_bytes_under_way", .gauge, "Bytes of the bodies of requests under way.", collector.bytesUnderWay)
  }
}
