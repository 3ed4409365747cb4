import Forwarders
import Foundation
import Model
import Synchronization
import WAL

/// Puts together what the admin server shows, from everybody's own counters.
final class PipelineStatus: StatusSource {
  private let role: Role
  private let configuration: Configuration
  private let log: WriteAheadLog
  private let lanes: [Lane]
  private let collectors: RoleCollectors
  private let startedAt: UnixMilliseconds
  private let startInstant = ContinuousClock.now
  private let ready = Mutex(false)

  init(
    role: Role, configuration: Configuration, log: WriteAheadLog, lanes: [Lane], collectors: RoleCollectors,
    startedAt: UnixMilliseconds
  ) {
    self.role = role
    self.configuration = configuration
    self.log = log
    self.lanes = lanes
    self.collectors = collectors
    self.startedAt = startedAt
  }

  var isReady: Bool {
    get { ready.withLock { $0 } }
    set { ready.withLock { $0 = newValue } }
  }

  func status() async -> StatusSnapshot {
    let now = WallClock.now()
    let log = log.status()
    let consumers = Dictionary(log.consumers.map { ($0.name, $0) }) { first, _ in first }
    return StatusSnapshot(
      role: role.name, version: BuildInfo.current.version, time: RFC3339.format(now.wholeSeconds),
      startedAt: RFC3339.format(startedAt.wholeSeconds),
      uptimeSeconds: (ContinuousClock.now - startInstant).inSeconds.rounded(), ready: isReady,
      targets: collectors.targets(), log: panel(log, now: now),
      forwarders: zip(configuration.forwarders, lanes).map { settings, lane in
        StatusSnapshot.ForwarderPanel(settings, lane.counters, consumers[settings.name], now: now)
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
        let waits = consumer.map { $0.lagRows > 0 } ?? false
        // The lane knows the block that waits; the log's own estimate is for when it cannot be read.
        let age = waits ? lane.counters.waitingSeconds(now: now) ?? consumer?.lagSeconds ?? 0 : 0
        return ([("forwarder", lane.name)], age)
      })
    var files: [(name: String, counters: FileForwarderCounters)] = []
    for lane in lanes {
      if let forwarder = lane.forwarder as? FileForwarder { files.append((lane.name, await forwarder.counters)) }
    }
    FileMetrics.add(files, to: &page)
    ProcessMetrics.read()?.add(to: &page)
    return page.text
  }

  private func panel(_ log: LogStatus, now: UnixMilliseconds) -> StatusSnapshot.LogPanel {
    var remarks: [String] = log.trouble.isEmpty ? [] : [log.trouble]
    remarks += self.log.opening.findings.filter { $0 != .created }.map { "at the start: \($0)" }
    let configured = Set(configuration.forwarders.map(\.name))
    remarks += log.consumers.filter { !configured.contains($0.name) }.map {
      "“\($0.name)” is not configured any more; its place "
        + ($0.holdsSegments ? "still keeps rows (forget it with clymene wal consumers forget)" : "keeps nothing")
    }
    return StatusSnapshot.LogPanel(
      directory: log.directory, segments: log.segments, bytes: Int(clamping: log.diskBytes),
      limitBytes: Int(clamping: log.maxSizeBytes), rows: log.rows,
      oldestAt: log.oldestTime.map { RFC3339.format(UnixMilliseconds($0).wholeSeconds) },
      oldestAgeSeconds: log.oldestTime.map { max(0, Double(now.rawValue - $0) / 1000).rounded() },
      maxAgeSeconds: configuration.log.maxAge?.inSeconds, whenFull: configuration.log.whenFull.rawValue,
      full: log.isFull, quarantined: Int(clamping: log.counters.segmentsQuarantined),
      tenants: log.tenants.map { .init(tenant: $0.tenant, rows: $0.rows) }, remarks: remarks)
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
    self.init(
      name: settings.name, type: settings.type, state: state, waitingRows: waiting,
      waitingBytes: Int(clamping: consumer?.lagBytes ?? 0),
      waitingSeconds: waiting > 0 ? counters.waitingSeconds(now: now) ?? consumer?.lagSeconds : nil,
      deliveredRows: counters.deliveredRows, droppedRows: consumer?.droppedRows ?? 0,
      lastDeliveryAt: counters.lastDeliveryAt.map { RFC3339.format($0.wholeSeconds) },
      lastError: counters.lastError, lastErrorAt: counters.lastErrorAt.map { RFC3339.format($0.wholeSeconds) },
      failuresInARow: counters.failuresInARow, alarm: counters.alarm)
  }
}

extension UnixMilliseconds {
  /// Cut off to the second, for people.
  fileprivate var wholeSeconds: UnixMilliseconds { UnixMilliseconds(rawValue - rawValue % 1000) }
}
