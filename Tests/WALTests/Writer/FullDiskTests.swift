import Codec
import Foundation
import Model
import Testing

@testable import WAL

/// On a file system of 6 MiB that `CLYMENE_SMALL_DISK` names; without it these tests are not run (a mount needs root).
@Suite(.enabled(if: ProcessInfo.processInfo.environment["CLYMENE_SMALL_DISK"] != nil), .serialized)
struct `A log on a full disk` {
  private var directory: String { (ProcessInfo.processInfo.environment["CLYMENE_SMALL_DISK"] ?? "") + "/wal" }

  private func configuration(_ whenFull: LogConfiguration.WhenFull) -> LogConfiguration {
    try? FileManager.default.removeItem(atPath: directory)
    return LogConfiguration(
      directory: directory, maxSizeBytes: 1 << 30, whenFull: whenFull, commitInterval: .milliseconds(20),
      segmentBytes: 512 << 10)
  }

  @Test func `goes on by dropping the oldest`() async throws {
    let configuration = configuration(.dropOldest)
    var log = try WriteAheadLog.open(configuration)
    let cursor = try await log.cursor(named: "a")
    for number in 0..<400 {
      let outcome = try await log.append(Rows.lines(number..<number + 1, padding: 40_000))
      #expect(outcome == .durable(offsets: UInt64(number)..<UInt64(number + 1)), "\(log.status().trouble)")
    }
    let status = log.status()
    #expect(status.counters.segmentsDropped > 0)
    let rest = try await cursor.drain(until: 400)
    #expect(rest.count + Int(cursor.lostRows) == 400)
    cursor.close()
    try await log.close()
    log = try WriteAheadLog.open(configuration)
    #expect(log.opening.isClean, "\(log.opening.findings)")
    #expect(log.status().endOffset == 400)
    try await log.close()
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `goes on when its only segment is the one being written`() async throws {
    var configuration = configuration(.dropOldest)
    configuration.segmentBytes = 64 << 20
    let log = try WriteAheadLog.open(configuration)
    for number in 0..<400 {
      let outcome = try await log.append(Rows.lines(number..<number + 1, padding: 40_000))
      #expect(outcome == .durable(offsets: UInt64(number)..<UInt64(number + 1)), "\(log.status().trouble)")
    }
    #expect(log.status().counters.segmentsDropped > 0)
    try await log.close()
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test(arguments: [512 << 10, 64 << 20]) func `rejects until its consumers have drained it`(segmentBytes: Int)
    async throws
  {
    var configuration = configuration(.reject)
    configuration.segmentBytes = segmentBytes
    let log = try WriteAheadLog.open(configuration)
    let cursor = try await log.cursor(named: "a")
    var stored = 0
    for _ in 0..<3 {
      let before = stored
      while stored < 1000 {
        let outcome = try await log.append(Rows.lines(stored..<stored + 1, padding: 40_000))
        if outcome == .full { break }
        stored += 1
      }
      #expect(stored > before + 20 && stored < 1000)
      #expect(log.status().isFull)
      _ = try await cursor.drain(until: UInt64(stored))
      for _ in 0..<200 where log.status().isFull { try await Task.sleep(for: .milliseconds(20)) }
    }
    #expect(log.status().counters.rowsDropped == 0 && cursor.lostRows == 0)
    try await log.close()
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test(arguments: LogConfiguration.WhenFull.allCases) func `is not filled by dead letters`(
    whenFull: LogConfiguration.WhenFull
  ) async throws {
    let configuration = configuration(whenFull)
    let log = try WriteAheadLog.open(configuration)
    let cursor = try await log.cursor(named: "a")
    var stored = 0
    for number in 0..<200 {
      guard try await log.append(Rows.lines(number..<number + 1, padding: 40_000)) != .full else { continue }
      stored += 1
      do throws(LogError) {
        for block in try await Letters.taken(cursor) {
          _ = try await log.deadLetters.add(
            consumer: "a", generation: 1, blocks: [block.tabled], reason: "no", attempts: 1)
          cursor.acknowledge(block.offsets)
        }
      } catch {
        #expect(error.isFull, "\(error)")
      }
      #expect(log.status().deadLetterBytes <= (6 << 20) / 20)
    }
    #expect(stored == 200 && log.status().deadLetters > 3)
    try await log.close()
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `survives that somebody else fills the disk`() async throws {
    let configuration = configuration(.dropOldest)
    let log = try WriteAheadLog.open(configuration)
    _ = try await log.append(Rows.lines(0..<1, padding: 40_000))
    let hog = (ProcessInfo.processInfo.environment["CLYMENE_SMALL_DISK"] ?? "") + "/hog"
    #expect(FileManager.default.createFile(atPath: hog, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: hog))
    while (try? handle.write(contentsOf: [UInt8](repeating: 1, count: 4096))) != nil {}
    // It lives on what it may drop of its own; what finds no room all the same is told so, and never an error.
    for number in 1..<60 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 40_000)) }
    try handle.close()
    try FileManager.default.removeItem(atPath: hog)
    var outcome = AppendOutcome.full
    for _ in 0..<100 where outcome == .full {
      outcome = try await log.append(Rows.lines(60..<61, padding: 40_000))
      if outcome == .full { try await Task.sleep(for: .milliseconds(20)) }
    }
    #expect(outcome != .full)
    try await log.close()
    let again = try WriteAheadLog.open(configuration)
    #expect(again.opening.isClean, "\(again.opening.findings)")
    try await again.close()
    try FileManager.default.removeItem(atPath: directory)
  }
}
