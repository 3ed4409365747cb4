import Codec
import Foundation
import Model
import Testing

@testable import WAL

@Suite struct `The inspector` {
  private func filled(_ scratch: LogScratch) async throws -> WriteAheadLog {
    let log = try scratch.open(scratch.configuration(segmentBytes: 64 << 10))
    for number in 0..<20 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    return log
  }

  @Test(arguments: [true, false]) func `counts what the log counts`(live: Bool) async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    _ = try await log.cursor(named: "a")
    let status = log.status()
    if !live { try await log.close() }
    let inspector = try LogInspector(directory: scratch.path)
    let stats = try inspector.stats()
    #expect(stats.isLive == live)
    #expect(stats.rows == 20)
    #expect(stats.blocks == status.blocks)
    #expect(stats.blockBytes == status.blockBytes)
    #expect(stats.endOffset == 20)
    #expect(stats.tenants == [TenantStatus(tenant: "", signal: "logs", rows: 20)])
    #expect(stats.oldestTime == 0 && stats.newestTime == 19)
    #expect(stats.consumers.map(\.name) == ["a"])
    #expect(stats.consumers.first?.lagRows == 20)
    let segments = try inspector.segments()
    #expect(segments.count == status.segments)
    #expect(segments.dropLast().allSatisfy { !$0.isActive && $0.sealedWall != nil })
    #expect(segments.last?.isActive == true)
    if live { try await log.close() }
  }

  @Test(arguments: [true, false]) func `finds every block sound, and says which one is not`(live: Bool) async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    if !live { try await log.close() }
    let inspector = try LogInspector(directory: scratch.path)
    let sound = try inspector.verify()
    #expect(sound.isSound, "\(sound.problems)")
    #expect(sound.rows == 20)
    try scratch.flipByte("segments/" + scratch.segmentFiles[0], at: 30_000)
    let damaged = try inspector.verify()
    #expect(damaged.problems.map(\.file) == ["segments/" + scratch.segmentFiles[0]])
    if live { try await log.close() }
  }

  @Test func `shows blocks and hands them out self-contained`() async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    let inspector = try LogInspector(directory: scratch.path)
    let blocks = try inspector.blocks(of: 0).blocks
    #expect(blocks.first?.firstOffset == 0)
    #expect(blocks.allSatisfy { $0.signal == "logs" && $0.endOffset == $0.firstOffset + 1 })
    #expect(try inspector.block(at: 7)?.offsets == 7..<8)
    #expect(try inspector.block(at: 100) == nil)
    var numbers: [Int] = []
    let summary = try inspector.export(ExportFilter(offsets: 3..<9)) { envelope, _ in
      let (tables, blocks) = try Envelope.decode(envelope)
      numbers += try Rows.numbers(blocks.map { StoredBlock(offsets: 0..<1, block: $0, tables: tables) })
    }
    #expect(numbers == Array(3..<9))
    #expect(summary.rows == 6 && summary.problems.isEmpty)
    try await log.close()
  }

  @Test(arguments: [true, false]) func `sets cursors back and forgets them, live or not`(live: Bool) async throws {
    let scratch = LogScratch()
    let log = try await filled(scratch)
    let cursor = try await log.cursor(named: "a")
    _ = try await log.cursor(named: "gone")
    cursor.acknowledge(0..<12)
    if !live { try await log.close() }
    let inspector = try LogInspector(directory: scratch.path)
    if live {
      for _ in 0..<100 where try inspector.consumers()[0].base < 12 { try await Task.sleep(for: .milliseconds(20)) }
    }
    #expect(try inspector.consumers().map(\.base) == [12, 0])
    try await inspector.resetConsumer("a", to: .time(UnixMilliseconds(5)))
    try await inspector.forgetConsumer("gone")
    #expect(try inspector.consumers().map(\.name) == ["a"])
    #expect(try inspector.consumers().first?.base == 5)
    #expect(try inspector.consumers().first?.generation == 2)
    await #expect(throws: LogError.self) { try await inspector.resetConsumer("nobody", to: .oldest) }
    if live {
      #expect(cursor.position == 5 && cursor.generation == 2)
      await #expect(throws: LogError.self) { try await inspector.forgetConsumer("a") }
      #expect(cursor.acknowledge(5..<6, generation: 1) == false)
      #expect(try Rows.numbers(try await cursor.next(limitBytes: 1)) == [5])
      try await log.close()
    }
  }
}
