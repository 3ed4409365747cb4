import WAL

/// The log's counters as metrics.
enum LogMetrics {
  static func add(_ status: LogStatus, to page: inout MetricsText) {
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      page.add("clymene_wal_\(name)_total", .counter, help, value)
    }
    func gauge(_ name: String, _ help: String, _ value: Double) {
      page.add("clymene_wal_\(name)", .gauge, help, value)
    }
    let counters = status.counters
    counter("blocks_appended", "Blocks stored.", counters.blocksAppended)
    counter("rows_appended", "Rows (scrapes, log entries) stored.", counters.rowsAppended)
    counter("bytes_appended", "Bytes of blocks stored.", counters.bytesAppended)
    counter("tables_stored", "Series tables stored with blocks.", counters.tablesStored)
    counter("commits", "Transactions committed and synced.", counters.commits)
    counter("commit_failures", "Transactions that failed.", counters.commitFailures)
    counter("rolls", "Segments sealed.", counters.rolls)
    counter("segments_removed", "Segments removed.", counters.segmentsRemoved)
    counter(
      "segments_dropped", "Segments removed by size or age before every forwarder had them.",
      counters.segmentsDropped)
    counter("rows_dropped", "Rows of dropped segments.", counters.rowsDropped)
    counter("appends_rejected", "Batches that were not taken because the log was full.", counters.appendsRejected)
    counter("rows_refused", "Rows that can never be stored.", counters.rowsRefused)
    counter("rows_already_held", "Rows that came again and were not stored twice.", counters.rowsAlreadyHeld)
    counter(
      "ranges_forgotten", "Ranges of received rows forgotten because an origin had more than 64.",
      counters.rangesForgotten)
    counter(
      "origins_forgotten", "Origins of received rows forgotten because there were too many.",
      counters.originsForgotten)
    counter("blocks_damaged", "Blocks set aside because their bytes are not what was written.", counters.blocksDamaged)
    counter("segments_quarantined", "Segments set aside because of damage.", counters.segmentsQuarantined)
    counter("catalog_failures", "Failed writes of cursors.", counters.catalogFailures)
    counter("dead_letters_added", "Dead letters written.", counters.deadLettersAdded)
    counter(
      "dead_letters_dropped", "Dead letters removed to make room for newer ones.", counters.deadLettersDropped)
    counter("dead_letter_rows_dropped", "Rows of dropped dead letters.", counters.deadLetterRowsDropped)
    gauge("dead_letters", "Dead letters: files with what a destination refused for good.", Double(status.deadLetters))
    gauge("dead_letters_bytes", "Bytes of dead letters.", Double(status.deadLetterBytes))
    gauge("segments", "Segments on the disk.", Double(status.segments))
    gauge("rows", "Rows in the log.", Double(status.rows))
    gauge("disk_bytes", "Bytes that the log's directory takes on the disk.", Double(status.diskBytes))
    gauge("max_size_bytes", "Bytes that it may take.", Double(status.maxSizeBytes))
    gauge("waiting_bytes", "Bytes in memory that are not committed yet.", Double(status.waitingBytes))
    gauge("full", "1 while the log is full.", status.isFull ? 1 : 0)
    if let oldest = status.oldestTime {
      gauge("oldest_timestamp_seconds", "Time of the oldest sample or entry.", Double(oldest) / 1000)
    }
    if let newest = status.newestTime {
      gauge("newest_timestamp_seconds", "Time of the newest sample or entry.", Double(newest) / 1000)
    }
    gauge("blocks", "Blocks in the log.", Double(status.blocks))
    gauge("entries", "Samples and log entries in the log.", Double(status.entries))
    page.add(
      "clymene_wal_tenant_rows", .gauge, "Rows in the log by tenant and signal; the default tenant's name is empty.",
      status.tenants.map { ([("tenant", $0.tenant), ("signal", $0.signal)], Double($0.rows)) })
    consumers(status.consumers, &page)
  }

  /// What waits for each forwarder; those that are no longer configured are among them.
  private static func consumers(_ consumers: [ConsumerStatus], _ page: inout MetricsText) {
    func family(_ name: String, _ kind: MetricsText.Kind, _ help: String, _ value: (ConsumerStatus) -> Double) {
      page.add(
        "clymene_forwarder_\(name)", kind, help, consumers.map { ([("forwarder", $0.name)], value($0)) })
    }
    family("waiting_rows", .gauge, "Rows in the log that the destination has not acknowledged.") { Double($0.lagRows) }
    family("waiting_bytes", .gauge, "About how many bytes that is.") { Double($0.lagBytes) }
    family("holds_segments", .gauge, "1 while the forwarder's place keeps rows in the log.") {
      $0.holdsSegments ? 1 : 0
    }
    family("rows_dropped_total", .counter, "Rows that the log dropped before the destination had them.") {
      Double($0.droppedRows)
    }
    family("rows_missing_total", .counter, "Rows that were damaged or lost before the destination had them.") {
      Double($0.missingRows)
    }
  }
}
