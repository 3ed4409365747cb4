@testable import Runtime

/// A status with something of everything; `text` stands wherever a text comes from outside.
func exampleStatus(text: String = "node") -> StatusSnapshot {
  StatusSnapshot(
    role: "agent", version: "0.1.0", time: "2026-11-23T09:30:00Z", startedAt: "2026-11-23T09:00:00Z",
    uptimeSeconds: 1800, ready: true,
    targets: [
      .init(
        job: text, url: "http://\(text):9100/metrics", labels: ["instance": text, "job": text], health: .down,
        lastError: text, lastScrapeAt: "2026-11-23T09:29:58Z", lastScrapeAgeSeconds: 2, lastScrapeSeconds: 0.0123,
        samples: 1234, series: 1300, nextScrapeInSeconds: 3)
    ], downTargets: 1,
    log: .init(
      directory: "/data/\(text)", segments: 3, bytes: 100 << 20, limitBytes: 1 << 30, rows: 12_345,
      oldestAt: "2026-11-22T09:30:00Z", oldestAgeSeconds: 86_400, maxAgeSeconds: 2_592_000, whenFull: "drop-oldest",
      full: false, fullInSeconds: 7200, outageRoomSeconds: 86_400 * 12, quarantined: 1, deadLetters: 3,
      deadLetterBytes: 5120,
      tenants: [.init(tenant: text, rows: 12_345)],
      consumers: [
        .init(
          name: text, configured: false, holdsSegments: true, waitingRows: 77, waitingBytes: 4096, droppedRows: 2,
          missingRows: 0)
      ], remarks: [text]),
    forwarders: [
      .init(
        name: text, type: "file", state: .held, waitingRows: 77, waitingBytes: 4096, waitingSeconds: 65,
        drainSeconds: 300, deliveredRows: 10, deadLetterRows: 5, droppedRows: 2, requests: ["delivered": 41_000],
        lastDeliveryAt: nil, lastError: text, lastErrorAt: nil, failuresInARow: 4, alarm: text)
    ])
}

/// An hour in which everything went up.
func exampleHistory(forwarders: [String] = ["node"], points: Int = 360) -> History {
  var history = History()
  for point in 0..<points {
    history.add(
      HistoryReading(
        seconds: Double(point) * 10, time: .init(1_700_000_000_000 + Int64(point) * 10_000),
        samples: UInt64(point * point), appendedRows: UInt64(point * 20), logBytes: UInt64(point) << 20,
        cpuSeconds: Double(point) / 10, residentBytes: 50 << 20,
        forwarders: forwarders.map {
          .init(
            name: $0, deliveredEntries: point * 100, deliveredRows: point * 30, sentBytes: point * 1000,
            waitingRows: UInt64(1000 - point), waitingSeconds: Double(point))
        }))
  }
  return history
}
