import Codec
import Foundation
import Logging
import Model
import Synchronization
import Testing
import WAL

@testable import Runtime

/// Hands one row to the log when it is told to stop, as a collector does that was in the middle of something.
private struct LastMomentCollector: Collector {
  func run(into sink: any Sink) async throws {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
    let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "last")]))])
    let row = ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(1), values: [1])
    let batch = RowBatch(metrics: [.scrape(row)])
    _ = try await Task { try await sink.enqueue(batch, positions: []) }.value
  }
}

/// A destination that never answers, like a file system that is gone.
private final class StuckForwarder: Forwarder {
  private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])

  func deliver(_ delivery: Delivery) async -> Answer {
    await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
    return Answer(.delivered)
  }

  func release() {
    for continuation in waiting.withLock({ $0 }) { continuation.resume() }
  }

  var isStuck: Bool { waiting.withLock { !$0.isEmpty } }
}

@Suite("The pipeline")
struct PipelineTests {
  @Test func writesEverythingAndClosesTheLogAlthoughADestinationNeverAnswers() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pipeline-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let configuration = try Configuration.parse(
      """
      wal: {directory: ./wal, commit_interval: 1h}
      forwarders: [{name: stuck, type: file, path: ./out}]
      """, file: "test.yml", folder: folder.path)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // Something for the forwarder to be stuck with.
    let before = try WriteAheadLog.open(LogConfiguration(directory: configuration.log.directory))
    let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "first")]))])
    let row = ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(1), values: [1])
    _ = try await before.append(RowBatch(metrics: [.scrape(row)]))
    try await before.close()

    let stuck = StuckForwarder()
    let role = Role(
      name: "test", defaultAdminAddress: ":0", defaultConfigurationFile: "",
      collectors: { _, _ in
        RoleCollectors(running: [LastMomentCollector()], targets: { [] }, metrics: { _ in }, close: {})
      })
    let (stops, stop) = AsyncStream.makeStream(of: Int32.self)
    let running = Task {
      try await Pipeline.run(
        role, configuration: configuration, admin: [],
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), stops: stops,
        limits: .init(orderly: .milliseconds(500), total: .seconds(5)), makeForwarder: { _ in stuck })
    }
    #expect(await eventually { stuck.isStuck })
    let start = ContinuousClock.now
    stop.yield(15)
    await #expect(throws: Pipeline.StuckError.self) { try await running.value }
    #expect(ContinuousClock.now - start < .seconds(8))

    let after = try WriteAheadLog.open(LogConfiguration(directory: configuration.log.directory))
    #expect(after.opening.isClean, "\(after.opening.findings)")
    #expect(after.status().rows == 2)
    try await after.close()
    stuck.release()
  }
}
