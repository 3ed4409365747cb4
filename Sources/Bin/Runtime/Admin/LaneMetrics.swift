// Lanes' counters as metrics. Each family holds one sample a forwarder.
extension LaneCounters {
  static func add(_ lanes: [(name: String, counters: LaneCounters)], to page: inout MetricsText) {
    func family(
      _ name: String, _ kind: MetricsText.Kind, _ help: String, _ value: (LaneCounters) -> Double?
    ) {
      page.add(
        "clymene_forwarder_\(name)", kind, help,
        lanes.compactMap { lane in value(lane.counters).map { ([("forwarder", lane.name)], $0) } })
    }
    page.add(
      "clymene_forwarder_requests_total", .counter, "Requests to the destination, by how they ended.",
      lanes.flatMap { lane in
        Result.allCases.map {
          ([("forwarder", lane.name), ("outcome", $0.rawValue)], Double(lane.counters.requests[$0] ?? 0))
        }
      })
    family("rows_delivered_total", .counter, "Rows (scrapes, log entries) that the destination has acknowledged.") {
      Double($0.deliveredRows)
    }
    family("entries_delivered_total", .counter, "Samples and log entries that the destination has acknowledged.") {
      Double($0.deliveredEntries)
    }
    family("rows_already_there_total", .counter, "Rows that the destination turned out to have already.") {
      Double($0.alreadyThereRows)
    }
    family("dead_letter_rows_total", .counter, "Rows that the destination refused for good: set aside as dead letters.")
    {
      Double($0.deadLetterRows)
    }
    family(
      "split_requests_total", .counter, "Requests made only because larger ones were refused or too large."
    ) { Double($0.splitRequests) }
    family("requests_in_flight", .gauge, "Requests under way.") { Double($0.inFlight) }
    family("sent_bytes_total", .counter, "Bytes of requests as they went to the destination, retries included.") {
      Double($0.sentBytes)
    }
    family("blocks_delivered_total", .counter, "Blocks that the destination has acknowledged.") {
      Double($0.deliveredBlocks)
    }
    family("bytes_delivered_total", .counter, "Bytes of acknowledged blocks, as they lie in the log.") {
      Double($0.deliveredBytes)
    }
    family("request_seconds_total", .counter, "Time spent waiting for the destination's answers.") {
      $0.requestTime.inSeconds
    }
    family("read_errors_total", .counter, "Failed attempts to read the log.") { Double($0.readErrors) }
    family("failures_in_a_row", .gauge, "Failed requests since the last one that got through.") {
      Double($0.failuresInARow)
    }
    family("held", .gauge, "1 while nothing moves until a person helps: wrong credentials, refused data.") {
      $0.alarm == nil ? 0 : 1
    }
    family("last_delivery_timestamp_seconds", .gauge, "When the destination last acknowledged something.") {
      $0.lastDeliveryAt.map { Double($0.rawValue) / 1000 }
    }
  }
}
