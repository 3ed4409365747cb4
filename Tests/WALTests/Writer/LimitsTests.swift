import Codec
import Foundation
import Model
import Testing

@testable import WAL

@Suite struct `A log at its limits` {
  private static let limit = 2 << 20

  /// Bytes of everything in the directory.
  private func diskBytes(_ scratch: LogScratch) -> Int {
    let files = FileManager.default.enumerator(atPath: scratch.path)?.allObjects as? [String] ?? []
    return files.reduce(0) { sum, file in
      let attributes = try? FileManager.default.attributesOfItem(atPath: scratch.path + "/" + file)
      guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
      return sum + (attributes?[.size] as? Int ?? 0)
    }
  }

  @Test func `drops the oldest, stays within its size, and tells each consumer what it lost`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(maxSizeBytes: Self.limit))
    let slow = try await log.cursor(named: "slow")
    let first = try await log.append(Rows.lines(0..<1, padding: 20_000))
    #expect(first == .durable(offsets: 0..<1))
    let early = try await slow.next(limitBytes: 1)
    #expect(early.map(\.offsets) == [0..<1])
    slow.acknowledge(0..<1)
    for number in 1..<200 {
      let outcome = try await log.append(Rows.lines(number..<number + 1, padding: 20_000))
      #expect(outcome == .durable(offsets: UInt64(number)..<UInt64(number + 1)))
      #expect(diskBytes(scratch) <= Self.limit)
    }
    let status = log.status()
    #expect(status.counters.segmentsDropped > 0)
    let dropped = status.consumers.first?.droppedRows ?? 0
    let rest = try await slow.drain(until: 200)
    #expect(dropped > 0 && Int(dropped) + rest.count == 199)
    #expect(try Rows.numbers(rest) == Array((200 - rest.count)..<200))
    #expect(slow.lostRows == dropped)
    try await log.close()
  }

  @Test func `rejects, waits for its consumers, and goes on by itself`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(maxSizeBytes: Self.limit, whenFull: .reject))
    let cursor = try await log.cursor(named: "a")
    var stored = 0
    while stored < 500 {
      let outcome = try await log.append(Rows.lines(stored..<stored + 1, padding: 20_000))
      if outcome == .full { break }
      stored += 1
    }
    #expect(stored > 20 && stored < 200)
    #expect(diskBytes(scratch) <= Self.limit)
    #expect(log.status().isFull)
    // A position must not move past rows that were not taken.
    let rejected = try await log.append(
      Rows.lines(0..<1, padding: 20_000), positions: [CollectorPosition(collector: "f", position: [1])])
    #expect(rejected == .full && log.position(of: "f") == nil)
    #expect(try await log.enqueue(Rows.lines(0..<1, padding: 100)) == .full)
    let blocks = try await cursor.drain(until: UInt64(stored))
    #expect(try Rows.numbers(blocks) == Array(0..<stored))
    var outcome = AppendOutcome.full
    for _ in 0..<100 where outcome == .full {
      outcome = try await log.append(Rows.lines(stored..<stored + 1, padding: 20_000))
      if outcome == .full { try await Task.sleep(for: .milliseconds(20)) }
    }
    #expect(outcome == .durable(offsets: UInt64(stored)..<UInt64(stored + 1)))
    #expect(log.status().counters.rowsDropped == 0)
    try await log.close()
  }

  @Test func `keeps what nobody waits for until there is room`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(
      scratch.configuration(maxSizeBytes: Self.limit, whenFull: .reject, commitInterval: .milliseconds(50)))
    let cursor = try await log.cursor(named: "a")
    var accepted = 0
    while accepted < 500 {
      let outcome = try await log.enqueue(Rows.lines(accepted..<accepted + 1, padding: 20_000))
      if outcome == .full { break }
      accepted += 1
      try await Task.sleep(for: .milliseconds(2))
    }
    #expect(accepted < 500)
    let blocks = try await cursor.drain(until: UInt64(accepted))
    let numbers = try Rows.numbers(blocks)
    #expect(numbers == Array(0..<accepted), "\(log.status())")
    try await log.close()
  }

  @Test func `drops nothing for a batch that is larger than the log, and stores what of it fits`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(maxSizeBytes: Self.limit))
    for number in 0..<40 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 20_000)) }
    let before = log.status()
    #expect(before.rows > 20)
    await #expect {
      _ = try await log.append(Rows.lines(0..<100, padding: 20_000))
    } throws: {
      ($0 as? LogError)?.kind == .refused
    }
    #expect(log.status().rows == before.rows)
    #expect(log.status().counters.rowsDropped == before.counters.rowsDropped)
    // Nobody waits for this one: it goes in pieces.
    #expect(try await log.enqueue(Rows.lines(40..<140, padding: 20_000)) == .accepted)
    try await log.flush()
    let status = log.status()
    #expect(status.endOffset == 140 && status.counters.rowsRefused == 0 && status.waitingBytes == 0)
    for number in 140..<150 {
      #expect(try await log.append(Rows.lines(number..<number + 1, padding: 2000)) != .full)
    }
    #expect(diskBytes(scratch) <= Self.limit)
    try await log.close()
  }

  @Test func `answers that it is full, also when all the room for waiting rows is taken`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(
      scratch.configuration(maxSizeBytes: Self.limit, whenFull: .reject, commitInterval: .seconds(30)))
    _ = try await log.cursor(named: "a")
    let table = try Rows.table()
    for number in 0..<20 { _ = try await log.enqueue(Rows.lines(number..<number + 1, padding: 700_000, table: table)) }
    try? await log.flush()
    #expect(log.status().isFull && log.status().waitingBytes > 8 << 20)
    let large = try Rows.lines(50..<51, padding: 8 << 20, table: table)
    #expect(try await log.append(large) == .full)
    try? await log.close()
  }

  @Test func `refuses only the rows that can never be stored`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let table = try Rows.table()
    func bad(_ number: Int) -> RowBatch {
      // A stream that the table does not have.
      let entry = LogEntry(timestamp: UnixNanoseconds(0), line: Array("\(number) ".utf8))
      return RowBatch(logs: [LogRows(source: 1, tables: [table], entries: [.init(stream: 99, entry: entry)])])
    }
    await #expect {
      _ = try await log.append(bad(0), positions: [CollectorPosition(collector: "f", position: [1])])
    } throws: {
      ($0 as? LogError)?.kind == .refused
    }
    #expect(log.position(of: "f") == nil)
    _ = try await log.enqueue(Rows.lines(0..<2, table: table))
    _ = try await log.enqueue(bad(1))
    _ = try await log.enqueue(Rows.lines(2..<4, table: table))
    let last = try await log.append(Rows.lines(4..<5, table: table))
    #expect(last.offsets?.count == 1)
    let cursor = try await log.cursor(named: "a")
    #expect(try Rows.numbers(try await cursor.drain(until: 5)).sorted() == Array(0..<5))
    #expect(log.status().counters.rowsRefused == 1)
    try await log.close()
  }

  @Test func `drops by age, which no jump of the clock can fake`() async throws {
    let scratch = LogScratch()
    let time = TestClock()
    var configuration = scratch.configuration(segmentBytes: 64 << 10, clock: time.clock)
    configuration.maxAge = .seconds(30 * 86400)
    func fill(_ log: WriteAheadLog) async throws {
      for number in 0..<20 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    }
    var log = try scratch.open(configuration)
    _ = try await log.cursor(named: "a")
    try await fill(log)
    let before = scratch.segmentFiles.count
    for jump in [Duration.seconds(50 * 365 * 86400), .seconds(-90 * 365 * 86400)] {
      time.jump(jump)
      try await Task.sleep(for: .milliseconds(100))
      try await log.close()
      time.jump(jump)
      log = try scratch.open(configuration)
      try await Task.sleep(for: .milliseconds(100))
      time.reboot()
      try await log.close()
      log = try scratch.open(configuration)
    }
    #expect(scratch.segmentFiles.count == before)
    time.pass(.seconds(31 * 86400))
    for _ in 0..<100 where scratch.segmentFiles.count > 1 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(scratch.segmentFiles.count <= 2)
    #expect(log.status().consumers.first?.droppedRows ?? 0 > 10)
    try await log.close()
  }

  @Test func `keeps delivered segments for replay as long as it is told`() async throws {
    let scratch = LogScratch()
    let time = TestClock()
    var configuration = scratch.configuration(segmentBytes: 64 << 10, clock: time.clock)
    configuration.keepDelivered = .seconds(3600)
    let log = try scratch.open(configuration)
    let cursor = try await log.cursor(named: "a")
    for number in 0..<20 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    let before = scratch.segmentFiles.count
    _ = try await cursor.drain(until: 20)
    try await Task.sleep(for: .milliseconds(200))
    #expect(scratch.segmentFiles.count == before)
    try await log.resetConsumer("a", to: .oldest)
    #expect(try Rows.numbers(try await cursor.drain(until: 20)) == Array(0..<20))
    time.pass(.seconds(3601))
    for _ in 0..<100 where scratch.segmentFiles.count > 1 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(scratch.segmentFiles.count == 1)
    try await log.close()
  }

  @Test func `lets go of what a consumer that is gone would have wanted, after a while`() async throws {
    let scratch = LogScratch()
    let time = TestClock()
    let log = try scratch.open(scratch.configuration(segmentBytes: 64 << 10, clock: time.clock))
    try await log.cursor(named: "gone").close()
    let cursor = try await log.cursor(named: "a")
    for number in 0..<20 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    let before = scratch.segmentFiles.count
    _ = try await cursor.drain(until: 20)
    time.pass(.seconds(23 * 3600))
    try await Task.sleep(for: .milliseconds(200))
    #expect(scratch.segmentFiles.count == before)
    time.pass(.seconds(2 * 3600))
    for _ in 0..<100 where scratch.segmentFiles.count > 1 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(scratch.segmentFiles.count == 1)
    let gone = log.status().consumers.first { $0.name == "gone" }
    #expect(gone?.holdsSegments == false && gone?.droppedRows ?? 0 > 0)
    try await log.close()
  }

  @Test func `makes collectors wait while much waits for the writer, in order`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(maxSizeBytes: 1 << 30, commitInterval: .seconds(10)))
    let table = try Rows.table()
    let batch = try Rows.lines(0..<1, padding: 3 << 20, table: table)
    for _ in 0..<20 {
      _ = try await log.enqueue(batch)
      #expect(log.status().waitingBytes <= UInt64(LogConfiguration.waitingBytes))
    }
    try await log.flush()
    #expect(log.status().counters.rowsRefused + log.status().rows == 20)
    #expect(log.status().waitingBytes == 0)
    try await log.close()
  }
}
