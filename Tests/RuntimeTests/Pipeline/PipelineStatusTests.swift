import Foundation
import Synchronization
import Testing
import WAL

@testable import Runtime

@Suite("The status of the program")
struct PipelineStatusTests {
  private final class Asked: Sendable {
    let count = Mutex(0)
  }

  @Test func looksAtTargetsOnlyWhereTheyAreShown() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "status-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = try WriteAheadLog.open(LogConfiguration(directory: folder.path))
    let asked = Asked()
    let collectors = RoleCollectors(
      running: [],
      targets: {
        asked.count.withLock { $0 += 1 }
        return [StatusSnapshot.TargetPanel(job: "job", url: "http://a/", labels: [:], health: .down)]
      }, downTargets: { 1 }, metrics: { _ in }, close: {})
    let status = PipelineStatus(
      role: .agent, configuration: try Configuration.parse("", file: "test.yml", folder: folder.path), log: log,
      lanes: [], collectors: collectors, history: HistoryStore(), startedAt: .init(0))
    let short = await status.status([])
    #expect(short.downTargets == 1 && short.targets.isEmpty && asked.count.withLock { $0 } == 0)
    #expect(short.process == .init())
    let whole = await status.status([.targets, .process])
    #expect(whole.targets.count == 1 && whole.process.openFiles != nil)
    #expect(LogPage.render(short, History()).contains(">Targets <i>1</i>"))
    try await log.close()
  }
}
