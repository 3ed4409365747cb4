import Codec
import Foundation
import Model
import Testing

@testable import WAL

@Suite struct `The log` {
  @Test func `gives back what was appended, in order, with its tables`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let cursor = try await log.cursor(named: "a")
    let first = try await log.append(Rows.lines(0..<5))
    let second = try await log.append(Rows.lines(5..<7))
    #expect(first == .durable(offsets: 0..<5))
    #expect(second == .durable(offsets: 5..<7))
    let blocks = try await cursor.drain(until: 7)
    #expect(try Rows.numbers(blocks) == Array(0..<7))
    #expect(blocks.allSatisfy { $0.tables.map(\.name) == $0.block.header.tables })
    try await log.close()
  }

  @Test func `keeps rows, positions and cursors over a stop`() async throws {
    let scratch = LogScratch()
    do {
      let log = try scratch.open()
      let cursor = try await log.cursor(named: "a")
      _ = try await log.append(
        Rows.lines(0..<5), positions: [CollectorPosition(collector: "file:/x", position: [1, 2])])
      _ = try await log.append(Rows.lines(5..<10))
      cursor.acknowledge(0..<5)
      try await log.close()
    }
    let log = try scratch.open()
    #expect(log.opening.isClean)
    #expect(log.position(of: "file:/x") == [1, 2])
    let cursor = try await log.cursor(named: "a", start: .newest)
    #expect(cursor.position == 5)
    #expect(try Rows.numbers(try await cursor.drain(until: 10)) == Array(5..<10))
    try await log.close()
  }

  @Test func `keeps what was acknowledged when it is killed`() async throws {
    let scratch = LogScratch()
    do {
      let log = try scratch.open()
      for number in 0..<20 { _ = try await log.append(Rows.lines(number..<number + 1)) }
      await log.abandon()
    }
    let log = try scratch.open()
    #expect(log.opening.findings == [.uncleanStop])
    let cursor = try await log.cursor(named: "a")
    #expect(try Rows.numbers(try await cursor.drain(until: 20)) == Array(0..<20))
    try await log.close()
  }

  @Test func `commits what nobody waits for within the commit interval`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let cursor = try await log.cursor(named: "a")
    #expect(try await log.enqueue(Rows.lines(0..<3)) == .accepted)
    #expect(try await log.enqueue(Rows.lines(3..<6)) == .accepted)
    let blocks = try await cursor.drain(until: 6)
    #expect(try Rows.numbers(blocks) == Array(0..<6))
    #expect(log.status().counters.commits <= 2)
    try await log.close()
  }

  @Test func `stores positions without rows`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let empty = RowBatch(logs: [])
    #expect(
      try await log.append(empty, positions: [CollectorPosition(collector: "f", position: [9])])
        == .durable(offsets: 0..<0))
    await log.abandon()
    let again = try scratch.open()
    #expect(again.position(of: "f") == [9])
    try await again.close()
  }

  @Test func `rolls, and reads across segments, live and after a stop`() async throws {
    let scratch = LogScratch()
    let configuration = scratch.configuration(segmentBytes: 64 << 10)
    do {
      let log = try scratch.open(configuration)
      for number in 0..<40 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
      #expect(log.status().segments > 3)
      let cursor = try await log.cursor(named: "a")
      let late = try await log.cursor(named: "b")
      #expect(try Rows.numbers(try await cursor.drain(until: 40)) == Array(0..<40))
      #expect(try Rows.numbers(try await late.next(limitBytes: 1)) == [0])
      try await log.close()
    }
    let log = try scratch.open(configuration)
    #expect(log.opening.isClean, "\(log.opening.findings)")
    let late = try await log.cursor(named: "b")
    #expect(try Rows.numbers(try await late.drain(until: 40)) == Array(0..<40))
    try await log.close()
  }

  @Test func `gives space back when every cursor has passed`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(segmentBytes: 64 << 10))
    let cursor = try await log.cursor(named: "a")
    for number in 0..<40 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    let before = scratch.segmentFiles.count
    _ = try await cursor.drain(until: 40)
    for _ in 0..<100 where scratch.segmentFiles.count > 1 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(before > 3)
    #expect(scratch.segmentFiles.count == 1)
    #expect(log.status().counters.rowsDropped == 0)
    try await log.close()
  }

  @Test func `is open in one place only`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    #expect {
      _ = try scratch.open()
    } throws: { error in
      (error as? LogError)?.kind == .locked && "\(error)".contains("\(getpid())")
    }
    try await log.close()
    let again = try scratch.open()
    try await again.close()
  }

  @Test func `answers everyone when it closes, whoever comes at the same moment`() async throws {
    for _ in 0..<20 {
      let scratch = LogScratch()
      let log = try scratch.open()
      let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<30 {
          let batch = try Rows.lines(number..<number + 1)
          group.addTask {
            if number % 10 == 5 {
              // Of several that close one does; the others are told that it is closed.
              try? await log.close()
              return false
            }
            do throws(LogError) {
              return try await log.append(batch).offsets != nil
            } catch {
              #expect(error.kind == .closed)
              return false
            }
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      let again = try scratch.open()
      #expect(again.opening.isClean)
      #expect(again.status().rows == UInt64(stored))
      try await again.close()
    }
  }

  @Test func `passes over a segment that disappears while it is open`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let first = try await log.cursor(named: "a")
    let second = try await log.cursor(named: "b")
    _ = try await log.append(Rows.lines(0..<1, padding: 2000))
    try await log.roll()
    _ = try await log.append(Rows.lines(1..<2, padding: 2000))
    log.core.state.withLock { $0.head.removeAll() }
    #expect(try Rows.numbers(try await first.next(limitBytes: 1)) == [0])
    try FileManager.default.removeItem(atPath: scratch.path + "/segments/" + scratch.segmentFiles[0])
    #expect(try Rows.numbers(try await second.next(limitBytes: 1)) == [1])
    #expect(second.lostRows == 1)
    try await log.close()
  }

  @Test func `makes a consumer anew that was forgotten`() async throws {
    let scratch = LogScratch()
    var log = try scratch.open()
    _ = try await log.append(Rows.lines(0..<3))
    try await log.cursor(named: "a", start: .newest).close()
    try await log.forgetConsumer("a")
    #expect(try await log.cursor(named: "a", start: .oldest).position == 0)
    await log.abandon()
    log = try scratch.open()
    #expect(log.status().consumers.map(\.name) == ["a"])
    try await log.close()
  }
}
