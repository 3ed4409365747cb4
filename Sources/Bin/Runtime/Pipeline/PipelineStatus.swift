import Forwarders
import Foundation
import Model
import Synchronization
import WAL

/// Puts together what the admin server shows, from everybody's own counters. Secrets of the configuration are taken out of every
/// text that comes from outside.
final class PipelineStatus: StatusSource {
  private let role: Role
  private let configuration: Configuration
  private let log: WriteAheadLog
  private let lanes: [Lane]
  private let collectors: RoleCollectors
  private let history: HistoryStore
  private let startedAt: UnixMilliseconds
  private let startInstant = ContinuousClock.now
  private let ready = Mutex(false)

  init(
    role: Role, configuration: Configuration, log: WriteAheadLog, lanes: [Lane], collectors: RoleCollectors,
    history: HistoryStore, startedAt: UnixMilliseconds
  ) {
    self.role = role
    self.configuration = configuration
    self.log = log
    self.lanes = lanes
    self.collectors = collectors
    self.history = history
    self.startedAt = startedAt
  }

  var isReady: Bool {
    get { ready.withLock { $0 } }
    set { ready.withLock { $0 = newValue } }
  }

  func status(_ parts: StatusParts) async -> StatusSnapshot {
    let now = WallClock.now()
    let log = log.status()
    let history = history.history
    let consumers = Dictionary(log.consumers.map { ($0.name, $0) }) { first, _ in first }
    let secrets = configuration.secrets
    return StatusSnapshot(
      role: role.name, version: BuildInfo.current.version, time: RFC3339.format(now.wholeSeconds),
      startedAt: RFC3339.format(startedAt.wholeSeconds),
      uptimeSeconds: (ContinuousClock.now - startInstant).inSeconds.rounded(), ready: isReady,
      process: parts.contains(.process)
        ? ProcessMetrics.read().map(StatusSnapshot.ProcessPanel.init) ?? .init() : .init(),
      targets: parts.contains(.targets) ? collectors.targets() : [], downTargets: collectors.downTargets(),
      gateway: collectors.gateway(),
      log: LogPanelBuilding.panel(log, configuration, findings: remarks(log), history, now: now),
      forwarders: zip(configuration.forwarders, lanes).map { settings, lane in
        let consumer = consumers[settings.name]
        var panel = StatusSnapshot.ForwarderPanel(settings, lane.counters, consumer, now: now)
        panel.drainSeconds = history.drainSeconds(of: settings.name, waitingRows: panel.waitingRows)
        return panel.hiding(secrets)
      })
  }

  func metrics() async -> String {
    var page = MetricsText()
    page.add(
      "clymene_build_info", .gauge, "1, with the version.",
      [([("version", BuildInfo.current.version), ("role", role.name)], 1)])
    page.add("clymene_ready", .gauge, "1 when everything runs.", isReady ? 1 : 0)
    collectors.metrics(&page)
    let now = WallClock.now()
    let log = log.status()
    LogMetrics.add(log, to: &page)
    LaneCounters.add(lanes.map { ($0.name, $0.counters) }, to: &page)
    page.add(
      "clymene_forwarder_waiting_seconds", .gauge, "Age of the oldest row that waits; 0 when none does.",
      lanes.map { lane in
        let consumer = log.consumers.first { $0.name == lane.name }
        return ([("forwarder", lane.name)], consumer?.waitingSeconds(lane.counters, now: now) ?? 0)
      })
    ForecastMetrics.add(history.history, log, to: &page)
    var files: [(name: String, counters: FileForwarderCounters)] = []
    for lane in lanes {
      if let forwarder = lane.forwarder as? FileForwarder { files.append((lane.name, await forwarder.counters)) }
    }
    FileMetrics.add(files, to: &page)
    ProcessMetrics.read()?.add(to: &page)
    return page.text
  }

  /// A point of the charts.
  func reading() -> HistoryReading {
    let now = WallClock.now()
    let log = log.status()
    let totals = collectors.totals()
    let process = ProcessMetrics.read(openFiles: false)
    return HistoryReading(
      seconds: (ContinuousClock.now - startInstant).inSeconds, time: now, samples: totals.samples,
      failedScrapes: totals.failedScrapes, appendedRows: log.counters.rowsAppended, logBytes: log.diskBytes,
      cpuSeconds: process?.cpuSeconds, residentBytes: process?.residentBytes,
      forwarders: lanes.map { lane in
        let counters = lane.counters
        let consumer = log.consumers.first { $0.name == lane.name }
        return HistoryReading.Forwarder(
          name: lane.name, deliveredEntries: counters.deliveredEntries, deliveredRows: counters.deliveredRows,
          sentBytes: counters.sentBytes, waitingRows: consumer?.lagRows ?? 0,
          waitingSeconds: consumer?.waitingSeconds(counters, now: now) ?? 0)
      })
  }

  private func remarks(_ log: LogStatus) -> [String] {
    var remarks: [String] = log.trouble.isEmpty ? [] : [log.trouble]
    remarks += self.log.opening.findings.filter { $0 != .created }.map { "at the start: \($0)" }
    let configured = Set(configuration.forwarders.map(\.name))
    remarks += log.consumers.filter { !configured.contains($0.name) }.map {
      "“\($0.name)” is not configured any more; its place "
        + ($0.holdsSegments ? "still keeps rows (forget it with clymene wal consumers forget)" : "keeps nothing")
    }
    return remarks.map(configuration.secrets.hide)
  }
}

extension ConsumerStatus {
  /// Age of the oldest row that waits; 0 when none does. The lane knows the block that waits; the log's own estimate is for when it
  /// cannot be read.
  func waitingSeconds(_ counters: LaneCounters, now: UnixMilliseconds) -> Double {
    lagRows > 0 ? counters.waitingSeconds(now: now) ?? lagSeconds : 0
  }
}

extension UnixMilliseconds {
  /// Cut off to the second, for people.
  var wholeSeconds: UnixMilliseconds { UnixMilliseconds(rawValue - rawValue % 1000) }
}
