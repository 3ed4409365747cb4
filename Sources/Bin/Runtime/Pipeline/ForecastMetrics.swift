import WAL

/// Estimates as metrics. A family is missing while there is nothing to tell.
enum ForecastMetrics {
  static func add(_ history: History, _ log: LogStatus, to page: inout MetricsText) {
    page.add(
      "clymene_forwarder_time_to_drain_seconds", .gauge,
      "Until nothing waits, at the rates of the last minute; 0 when nothing does, missing while it does not shrink.",
      log.consumers.compactMap { consumer in
        history.drainSeconds(of: consumer.name, waitingRows: consumer.lagRows).map {
          ([("forwarder", consumer.name)], $0)
        }
      })
    if let seconds = history.fullSeconds(bytes: log.diskBytes, limitBytes: log.maxSizeBytes) {
      page.add(
        "clymene_wal_time_to_full_seconds", .gauge,
        "Until the log is full, at its growth of the last ten minutes; missing while it does not grow.", seconds)
    }
    if let seconds = history.outageSeconds(bytes: log.diskBytes, limitBytes: log.maxSizeBytes) {
      page.add(
        "clymene_wal_outage_room_seconds", .gauge,
        "How long every destination could be away before the log is full, at what came in during the last hour.",
        seconds)
    }
  }
}
