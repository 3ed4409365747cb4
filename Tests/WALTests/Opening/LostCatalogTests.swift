import Foundation
import Model
import Testing

@testable import WAL

@Suite("A log whose catalog is lost")
struct LostCatalogTests {
  @Test("moves cursors up to the oldest row there is, and goes on removing what is delivered")
  func cursors() async throws {
    let scratch = LogScratch()
    let clock = TestClock()
    var configuration = scratch.configuration(maxSizeBytes: 2 << 20, whenFull: .reject, clock: clock.clock)
    configuration.maxAge = nil
    var log = try scratch.open(configuration)
    var cursor = try await log.cursor(named: "a")
    for n in 0..<3 { _ = try await log.append(Rows.lines(n..<(n + 1), padding: 20_000)) }
    clock.pass(.seconds(86400 * 100))
    try await log.roll()
    for n in 3..<5 { _ = try await log.append(Rows.lines(n..<(n + 1), padding: 20_000)) }
    _ = try await cursor.drain(until: 5)
    while scratch.segmentFiles.count > 1 { try await Task.sleep(for: .milliseconds(10)) }
    cursor.close()
    try await log.close()
    try FileManager.default.removeItem(atPath: scratch.path + "/catalog.lmdb")

    log = try scratch.open(configuration)
    cursor = try await log.cursor(named: "a")
    // The copy, made at the last roll, was below it.
    #expect(cursor.position == log.status().firstOffset && cursor.position > 0)
    #expect(cursor.lostRows == 0, "\(log.status().consumers)")
    // The log's own time goes on where the files say that it was.
    #expect(log.core.now >= 86_400_000 * 100)
    // More than fits: only if what is delivered goes, everything finds room.
    for n in 5..<200 {
      let outcome = try await log.append(Rows.lines(n..<(n + 1), padding: 20_000))
      #expect(outcome != .full, "row \(n)")
      _ = try await cursor.drain(until: UInt64(n + 1))
      try await Task.sleep(for: .milliseconds(5))
    }
    try await log.close()
  }

  @Test("finds a cursor that was made after the last roll where it was, and not at the newest row")
  func newest() async throws {
    let scratch = LogScratch()
    var log = try scratch.open()
    var cursor = try await log.cursor(named: "n", start: .newest)
    for n in 0..<3 { _ = try await log.append(Rows.lines(n..<(n + 1), padding: 2000)) }
    cursor.close()
    try await log.close()
    try FileManager.default.removeItem(atPath: scratch.path + "/catalog.lmdb")
    log = try scratch.open()
    cursor = try await log.cursor(named: "n", start: .newest)
    #expect(cursor.position == 0 && log.status().endOffset == 3)
    try await log.close()
  }

  @Test("takes an empty newest segment away when the one before was never sealed: its roll had failed")
  func failedRoll() async throws {
    let scratch = LogScratch()
    var log = try scratch.open()
    for n in 0..<3 { _ = try await log.append(Rows.lines(n..<(n + 1), padding: 2000)) }
    try await log.close()
    // What a roll leaves whose new file came back with the power: made at row 2, before row 3 was stored.
    _ = try Segment.create(
      path: scratch.path + "/segments/" + SegmentName.file(2), first: 2, segmentBytes: 1 << 20, carrying: .init(),
      created: 0, wall: 0)
    log = try scratch.open()
    #expect(log.status().endOffset == 3 && scratch.segmentFiles.count == 1)
    let cursor = try await log.cursor(named: "a")
    #expect(try await cursor.drain(until: 3).count > 0)
    try await log.close()
  }
}

@Suite("Cursors and checksums")
struct HoldersAndSumsTests {
  @Test("a cursor that is closed twice does not take the next holder's hold away")
  func holders() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    var first: Cursor? = try await log.cursor(named: "a")
    first?.close()
    let second = try await log.cursor(named: "a")
    first = nil
    #expect(log.status().consumers.first?.isHeld == true)
    second.close()
    #expect(log.status().consumers.first?.isHeld == false)
    try await log.close()
  }

  @Test("a damaged segment that has no page checksums gets none")
  func blessing() async throws {
    let scratch = LogScratch()
    var log = try scratch.open()
    for n in 0..<5 { _ = try await log.append(Rows.lines(n..<(n + 1), padding: 2000)) }
    try await log.roll()
    try await log.close()
    let segment = "segments/" + scratch.segmentFiles[0]
    let sums = PageSums.path(besides: scratch.path + "/" + segment)
    try FileManager.default.removeItem(atPath: sums)
    try scratch.flipByte(segment, at: 4096 * 2 + 12)
    try scratch.flipByte(segment, at: 16 + 8 + 120 + 8)
    log = try scratch.open()
    try await Task.sleep(for: .milliseconds(300))
    #expect(!FileManager.default.fileExists(atPath: sums))
    // The lane finds out, and everything is delivered all the same.
    let cursor = try await log.cursor(named: "a")
    _ = try await cursor.drain(until: 5)
    #expect(cursor.lostRows == 0 && log.status().counters.segmentsQuarantined == 1)
    try await log.close()
  }

  @Test("a reserve that was made longer gives the rest back")
  func reserve() throws {
    let scratch = LogScratch()
    try FileManager.default.createDirectory(atPath: scratch.path, withIntermediateDirectories: true)
    #expect(ReserveFile(path: scratch.path + "/reserve", byteCount: 1 << 20).ensure())
    #expect(ReserveFile(path: scratch.path + "/reserve", byteCount: 1 << 18).ensure())
    #expect(Files.length(scratch.path + "/reserve") == 1 << 18)
  }
}
