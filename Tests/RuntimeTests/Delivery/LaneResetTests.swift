import Codec
import Foundation
import HTTP
import Logging
import Model
import Testing

@testable import Runtime
@testable import WAL

@Suite("A lane on a log whose cursor is moved")
struct LaneResetTests {
  @Test func deliversAgainAlsoWhenItHadCaughtUp() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lane-reset-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = try WriteAheadLog.open(LogConfiguration(directory: folder.path))
    let cursor = try await log.cursor(named: "test")
    let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "up")]))])
    func append(_ time: Int64) async throws {
      let row = ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(time), values: [1])
      _ = try await log.append(RowBatch(metrics: [.scrape(row)]))
    }
    for time in 1...5 { try await append(Int64(time)) }
    let forwarder = ScriptedForwarder()
    var limits = LaneLimits()
    limits.lookInterval = .milliseconds(5)
    let lane = Lane(
      name: "test", source: CursorSource(cursor: cursor), forwarder: forwarder,
      deadLetters: LogDeadLetters(log.deadLetters, consumer: "test", hiding: SecretTexts()), limits: limits,
      logger: .silent)
    let task = Task { await lane.run() }
    #expect(await eventually { lane.counters.deliveredRows == 5 && cursor.isDrained() })
    try await log.resetConsumer("test", to: .oldest)
    #expect(await eventually { lane.counters.deliveredRows == 10 })
    #expect(await eventually { cursor.isDrained() && cursor.position == 5 })
    try await append(6)
    #expect(await eventually { lane.counters.deliveredRows == 11 && cursor.position == 6 })
    lane.stop()
    await task.value
    try await log.close()
  }
}
