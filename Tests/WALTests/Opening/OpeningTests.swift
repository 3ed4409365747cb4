import Codec
import Foundation
import Model
import Testing

@testable import WAL

@Suite struct `Opening a log` {
  private func configuration(_ scratch: LogScratch) -> LogConfiguration {
    scratch.configuration(segmentBytes: 64 << 10)
  }

  /// Forty rows in some segments, a consumer at 7, a position.
  private func filled(_ scratch: LogScratch) async throws {
    let log = try scratch.open(configuration(scratch))
    let cursor = try await log.cursor(named: "a")
    for number in 0..<40 {
      _ = try await log.append(
        Rows.lines(number..<number + 1, padding: 8000),
        positions: [CollectorPosition(collector: "f", position: [UInt8(number)])])
      if number == 10 { cursor.acknowledge(0..<7) }
    }
    try await log.close()
  }

  @Test func `without a catalog finds the cursors of the last roll, and all rows`() async throws {
    let scratch = LogScratch()
    try await filled(scratch)
    try FileManager.default.removeItem(atPath: scratch.path + "/catalog.lmdb")
    let log = try scratch.open(configuration(scratch))
    #expect(log.opening.findings == [.catalogMissing])
    #expect(log.position(of: "f") == [39])
    let cursor = try await log.cursor(named: "a", start: .newest)
    #expect(cursor.position == 7)
    #expect(try Rows.numbers(try await cursor.drain(until: 40)) == Array(7..<40))
    #expect(log.status().rows == 40 - log.status().firstOffset)
    try await log.close()
  }

  @Test func `removes a file that was begun and never written to, and only that`() async throws {
    let scratch = LogScratch()
    try await filled(scratch)
    let file = scratch.path + "/segments/" + SegmentName.file(40)
    for content in [Data(), Data(count: 5000), Data(count: 100_000)] {
      #expect(FileManager.default.createFile(atPath: file, contents: content))
      let log = try scratch.open(configuration(scratch))
      #expect(log.opening.findings == [.emptySegmentRemoved(file: SegmentName.file(40))])
      #expect(log.status().rows == 40 - log.status().firstOffset && log.status().endOffset == 40)
      try await log.close()
    }
  }

  @Test func `says which rows are in no file, and passes over them`() async throws {
    let scratch = LogScratch()
    try await filled(scratch)
    let gone = scratch.segmentFiles[1]
    let first = try #require(SegmentName.first(gone))
    let next = try #require(SegmentName.first(scratch.segmentFiles[2]))
    try FileManager.default.removeItem(atPath: scratch.path + "/segments/" + gone)
    let log = try scratch.open(configuration(scratch))
    #expect(log.opening.findings == [.rowsMissing(from: first, to: next)])
    let cursor = try await log.cursor(named: "a")
    let numbers = try Rows.numbers(try await cursor.drain(until: 40))
    #expect(numbers == Array(7..<40).filter { !(Int(first)..<Int(next)).contains($0) })
    #expect(cursor.lostRows == (max(7, first)..<next).count)
    try await log.close()
  }

  @Test func `goes on when a sealed segment turns out damaged`() async throws {
    let scratch = LogScratch()
    try await filled(scratch)
    let damaged = "segments/" + scratch.segmentFiles[1]
    let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/" + damaged))
    // In the middle of a block's payload.
    try scratch.flipByte(damaged, at: bytes.count / 2 + 3000)
    let log = try scratch.open(configuration(scratch))
    #expect(log.opening.isClean)
    let cursor = try await log.cursor(named: "a")
    let numbers = try Rows.numbers(try await cursor.drain(until: 40))
    #expect(numbers.count == 32 && cursor.lostRows == 1)
    #expect(log.status().counters.segmentsQuarantined == 1)
    let kept = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/quarantine")
      .first { $0.hasSuffix(".lmdb") }
    let copy = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/quarantine/" + (kept ?? "")))
    #expect(copy.count == bytes.count && copy != bytes)
    try await log.close()
  }

  @Test func `rebuilds a damaged newest segment with its rows at their places`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let cursor = try await log.cursor(named: "a")
    for number in 0..<20 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    cursor.acknowledge(0..<5)
    cursor.close()
    try await log.close()
    // The root of the main tree: LMDB could not even start.
    for page in 2..<5 { try scratch.flipByte("segments/" + scratch.segmentFiles[0], at: page * 4096 + 10) }
    for meta in [0, 1] { try scratch.flipByte("segments/" + scratch.segmentFiles[0], at: meta * 4096 + 20) }
    let again = try scratch.open()
    #expect(
      again.opening.findings.contains {
        if case .segmentRebuilt(_, _, 20, 20) = $0 { true } else { false }
      }, "\(again.opening.findings)")
    let rest = try await again.cursor(named: "a")
    #expect(try Rows.numbers(try await rest.drain(until: 20)) == Array(5..<20))
    #expect(try await again.append(Rows.lines(20..<21)) == .durable(offsets: 20..<21))
    try await again.close()
  }

  @Test func `sets a damaged block of the newest segment aside, once, and delivers the next`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    for number in 0..<5 { _ = try await log.append(Rows.lines(number..<number + 1, padding: 8000)) }
    try await log.close()
    let file = "segments/" + scratch.segmentFiles[0]
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/" + file)))
    // The payload of the block at offset 2, on pages of its own.
    let record = RecordHead(offset: 2).encoded
    let at = try #require(
      (0..<(bytes.count - 24)).first { bytes[$0] == record[0] && Array(bytes[$0..<$0 + 24]) == record })
    try scratch.flipByte(file, at: at + 5000)
    let again = try scratch.open()
    #expect(again.opening.isClean)
    for name in ["a", "b"] {
      let cursor = try await again.cursor(named: name)
      #expect(try Rows.numbers(try await cursor.drain(until: 5)) == [0, 1, 3, 4])
      #expect(cursor.lostRows == 1)
    }
    try await again.flush()
    #expect(again.status().counters.blocksDamaged == 1)
    let kept = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/quarantine")
    #expect(kept.filter { $0.hasSuffix(".record") }.count == 1 && kept.count == 2)
    try await again.close()
  }

  @Test func `refuses what a later version wrote, and does not touch it`() async throws {
    let scratch = LogScratch()
    try await filled(scratch)
    let path = scratch.path + "/catalog.lmdb"
    do {
      let environment = try Environment(path: path, mapBytes: 1 << 20, mode: .writing)
      let meta = try #require(try environment.databases([("meta", false)], create: false).first ?? nil)
      let key = Array("format".utf8)
      try environment.write { (transaction) throws(LogError) in try transaction.putChecked(meta, key, [2]) }
    }
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect {
      _ = try scratch.open(configuration(scratch))
    } throws: {
      ($0 as? LogError)?.kind == .newerFormat
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }
}
