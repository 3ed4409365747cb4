import Foundation
import HTTP
import Testing
import WAL

@testable import Runtime

@Suite("A dead letter")
struct LogDeadLettersTests {
  @Test func hasAReasonWithoutSecrets() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "letters-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = try WriteAheadLog.open(LogConfiguration(directory: folder.path))
    var secrets = SecretTexts()
    secrets.insert("hunter-two")
    let letters = LogDeadLetters(log.deadLetters, consumer: "one", hiding: secrets)
    let rows = [try queued(0, rows: 1).block]
    _ = try await letters.add(RefusedRows(blocks: rows, reason: "400: no hunter-two", generation: 0))
    #expect(try await log.deadLetters.items().map { $0.header?.reason } == ["400: no <secret>"])
    try await log.close()
  }
}
