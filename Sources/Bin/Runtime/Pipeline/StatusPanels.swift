import HTTP
import Model
import WAL

// Parts of the status from the counters of those that they are about.

enum LogPanelBuilding {
  static func panel(
    _ log: LogStatus, _ configuration: Configuration, findings: [String], _ history: History, now: UnixMilliseconds
  ) -> StatusSnapshot.LogPanel {
    let configured = Set(configuration.forwarders.map(\.name))
    return StatusSnapshot.LogPanel(
      directory: log.directory, segments: log.segments, blocks: log.blocks, bytes: Int(clamping: log.diskBytes),
      limitBytes: Int(clamping: log.maxSizeBytes), rows: log.rows, entries: log.entries,
      oldestAt: log.oldestTime.map { RFC3339.format(UnixMilliseconds($0).wholeSeconds) },
      oldestAgeSeconds: log.oldestTime.map { max(0, UnixMilliseconds($0).seconds(until: now)).rounded() },
      newestAt: log.newestTime.map { RFC3339.format(UnixMilliseconds($0).wholeSeconds) },
      newestAgeSeconds: log.newestTime.map { max(0, UnixMilliseconds($0).seconds(until: now)).rounded() },
      maxAgeSeconds: configuration.log.maxAge?.inSeconds,
      keepDeliveredSeconds: configuration.log.keepDelivered.inSeconds, whenFull: configuration.log.whenFull.rawValue,
      full: log.isFull, fullInSeconds: history.fullSeconds(bytes: log.diskBytes, limitBytes: log.maxSizeBytes),
      outageRoomSeconds: history.outageSeconds(bytes: log.diskBytes, limitBytes: log.maxSizeBytes),
      droppedRows: log.counters.rowsDropped, damagedBlocks: log.counters.blocksDamaged,
      quarantined: Int(clamping: log.counters.segmentsQuarantined),
      deadLetters: Int(clamping: log.deadLetters), deadLetterBytes: Int(clamping: log.deadLetterBytes),
      deadLettersDropped: log.counters.deadLettersDropped,
      tenants: log.tenants.map { .init(tenant: $0.tenant, signal: $0.signal, rows: $0.rows) },
      consumers: log.consumers.map {
        .init(
          name: $0.name, configured: configured.contains($0.name), holdsSegments: $0.holdsSegments,
          waitingRows: $0.lagRows, waitingBytes: Int(clamping: $0.lagBytes), droppedRows: $0.droppedRows,
          missingRows: $0.missingRows)
      }, remarks: findings)
  }
}

extension StatusSnapshot.ForwarderPanel {
  init(
    _ settings: ForwarderSettings, _ counters: LaneCounters, _ consumer: ConsumerStatus?, now: UnixMilliseconds
  ) {
    let waiting = consumer?.lagRows ?? 0
    let state: State =
      if counters.alarm != nil { .held } else if counters.failuresInARow > 0 { .retrying } else {
        waiting > 0 ? .delivering : .idle
      }
    func age(_ time: UnixMilliseconds?) -> Double? {
      time.map { max(0, $0.seconds(until: now)).rounded() }
    }
    let answers = counters.requests.values.reduce(0, +)
    self.init(
      name: settings.name, type: settings.type, state: state, waitingRows: waiting,
      waitingBytes: Int(clamping: consumer?.lagBytes ?? 0),
      waitingSeconds: waiting > 0 ? consumer?.waitingSeconds(counters, now: now) : nil,
      deliveredRows: counters.deliveredRows, deliveredEntries: counters.deliveredEntries,
      deliveredBytes: counters.deliveredBytes, sentBytes: counters.sentBytes,
      alreadyThereRows: counters.alreadyThereRows, deadLetterRows: counters.deadLetterRows,
      droppedRows: consumer?.droppedRows ?? 0, missingRows: consumer?.missingRows ?? 0,
      requests: Dictionary(
        LaneCounters.Result.allCases.map { ($0.rawValue, counters.requests[$0] ?? 0) }, uniquingKeysWith: +),
      splitRequests: counters.splitRequests, inFlight: counters.inFlight,
      requestSeconds: answers > 0 ? counters.requestTime.inSeconds / Double(answers) : nil,
      readErrors: counters.readErrors,
      lastDeliveryAt: counters.lastDeliveryAt.map { RFC3339.format($0.wholeSeconds) },
      lastDeliveryAgeSeconds: age(counters.lastDeliveryAt), lastError: counters.lastError,
      lastErrorAt: counters.lastErrorAt.map { RFC3339.format($0.wholeSeconds) },
      lastErrorAgeSeconds: age(counters.lastErrorAt), failuresInARow: counters.failuresInARow, alarm: counters.alarm)
  }

  /// A destination may repeat in its answer what it was sent.
  func hiding(_ secrets: SecretTexts) -> Self {
    var panel = self
    panel.lastError = lastError.map(secrets.hide)
    panel.alarm = alarm.map(secrets.hide)
    return panel
  }
}

extension StatusSnapshot.TargetPanel {
  func hiding(_ secrets: SecretTexts) -> Self {
    var panel = self
    panel.url = secrets.hide(url)
    panel.lastError = lastError.map(secrets.hide)
    panel.labels = labels.mapValues(secrets.hide)
    return panel
  }
}

extension StatusSnapshot.ProcessPanel {
  init(_ process: ProcessMetrics) {
    self.init(
      cpuSeconds: process.cpuSeconds, residentBytes: process.residentBytes, threads: process.threads,
      openFiles: process.openFiles)
  }
}
