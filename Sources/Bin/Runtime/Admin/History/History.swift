import Model

/// The last hour in figures, in memory of a fixed size: 1,440 bytes for each figure, so about 80 KB with ten forwarders.
struct History: Sendable, Equatable {
  static let stepSeconds = 10.0

  /// Figures of the program as a whole; raw values are their names in `/api/v1/history`.
  enum Figure: String, CaseIterable, Sendable {
    case samplesPerSecond = "samples_per_second"
    case failedScrapesPerSecond = "failed_scrapes_per_second"
    case appendedRowsPerSecond = "appended_rows_per_second"
    case logBytes = "log_bytes"
    /// 1 is one core.
    case cpuCores = "cpu_cores"
    case residentBytes = "resident_bytes"
  }

  /// Figures of each forwarder.
  enum ForwarderFigure: String, CaseIterable, Sendable {
    case entriesPerSecond = "entries_per_second"
    case rowsPerSecond = "rows_per_second"
    case sentBytesPerSecond = "sent_bytes_per_second"
    case waitingRows = "waiting_rows"
    case waitingSeconds = "waiting_seconds"
  }

  private var figures: [Figure: HistoryRing] = [:]
  private var byForwarder: [String: [ForwarderFigure: HistoryRing]] = [:]
  private var latest: HistoryReading?

  /// When the newest point was taken; nil before the first.
  var endTime: UnixMilliseconds? { latest?.time }

  func ring(_ figure: Figure) -> HistoryRing { figures[figure] ?? HistoryRing() }

  func ring(_ figure: ForwarderFigure, of forwarder: String) -> HistoryRing {
    byForwarder[forwarder]?[figure] ?? HistoryRing()
  }

  /// In the order in which the newest reading has them.
  var forwarders: [String] { latest?.forwarders.map(\.name) ?? [] }

  /// Adds a point. A reading in the step of the one before it is left out, and steps without a reading become gaps. Forwarders that
  /// the reading does not have are forgotten.
  mutating func add(_ reading: HistoryReading) {
    var elapsed: Double?
    if let latest {
      // Rounded, so that a timer that is a little early or late neither drops nor doubles a point.
      let steps = ((reading.seconds - latest.seconds) / History.stepSeconds).rounded()
      guard steps >= 1 else { return }
      for _ in 1..<min(max(Int(exactly: steps) ?? .max, 1), HistoryRing.pointLimit + 1) { addGap() }
      elapsed = reading.seconds - latest.seconds
    }
    let before = latest
    func rate(_ now: UInt64, _ before: UInt64?) -> Float {
      guard let elapsed, let before else { return .nan }
      // A counter that went back began again.
      return Float(Double(now >= before ? now - before : now) / elapsed)
    }
    for figure in Figure.allCases {
      let value: Float =
        switch figure {
        case .samplesPerSecond: rate(reading.samples, before?.samples)
        case .failedScrapesPerSecond: rate(reading.failedScrapes, before?.failedScrapes)
        case .appendedRowsPerSecond: rate(reading.appendedRows, before?.appendedRows)
        case .logBytes: Float(reading.logBytes)
        case .cpuCores: History.cores(reading.cpuSeconds, before?.cpuSeconds, elapsed)
        case .residentBytes: reading.residentBytes.map { Float($0) } ?? .nan
        }
      figures[figure, default: HistoryRing()].append(value)
    }
    let names = Set(reading.forwarders.map(\.name))
    byForwarder = byForwarder.filter { names.contains($0.key) }
    for forwarder in reading.forwarders {
      let before = before?.forwarders.first { $0.name == forwarder.name }
      for figure in ForwarderFigure.allCases {
        let value: Float =
          switch figure {
          case .entriesPerSecond:
            rate(UInt64(clamping: forwarder.deliveredEntries), before.map { UInt64(clamping: $0.deliveredEntries) })
          case .rowsPerSecond:
            rate(UInt64(clamping: forwarder.deliveredRows), before.map { UInt64(clamping: $0.deliveredRows) })
          case .sentBytesPerSecond:
            rate(UInt64(clamping: forwarder.sentBytes), before.map { UInt64(clamping: $0.sentBytes) })
          case .waitingRows: Float(forwarder.waitingRows)
          case .waitingSeconds: Float(forwarder.waitingSeconds)
          }
        byForwarder[forwarder.name, default: [:]][figure, default: HistoryRing()].append(value)
      }
    }
    latest = reading
  }

  private mutating func addGap() {
    for figure in figures.keys { figures[figure]?.append(.nan) }
    for name in byForwarder.keys {
      for figure in ForwarderFigure.allCases { byForwarder[name]?[figure]?.append(.nan) }
    }
  }

  private static func cores(_ now: Double?, _ before: Double?, _ elapsed: Double?) -> Float {
    guard let now, let before, let elapsed, elapsed > 0 else { return .nan }
    return Float(max(0, now - before) / elapsed)
  }
}
