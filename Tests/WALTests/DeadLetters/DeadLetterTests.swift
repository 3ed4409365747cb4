import Codec
import Foundation
import Model
import Testing

@testable import WAL

/// The file of one dead letter: docs/log-format.md.
@Suite struct `A dead letter` {
  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let golden = repository.appendingPathComponent("Tests/WALTests/DeadLetters/Golden/v1.letter")
  private static let isWriting = ProcessInfo.processInfo.environment["CLYMENE_WRITE_GOLDEN"] == "1"
  private static let reason = "400 Bad Request: “out of bounds”\nsecond line"

  private func letter(reason: String = Self.reason) throws -> (header: DeadLetterHeader, bytes: [UInt8]) {
    try DeadLetter.encode(
      consumer: "Zürich 1", generation: 7,
      blocks: Letters.blocks(0..<5) + Letters.blocks(5..<9) + Letters.blocks(9..<10, name: "other"), reason: reason,
      attempts: 3, refused: UnixMilliseconds(1_700_000_000_123))
  }

  @Test func `comes back as it was, each table once`() throws {
    let (header, bytes) = try letter()
    let read = try DeadLetter(decoding: bytes)
    #expect(read.header == header && read.header.consumer == "Zürich 1" && read.header.reason == Self.reason)
    #expect(read.header.rows == 10 && read.header.entries == 10 && read.header.attempts == 3)
    #expect(read.blocks.count == 3 && read.tables.count == 2)
    #expect(try Letters.numbers(read) == Array(0..<10))
    #expect(read.tabled.map(\.tables.count) == [1, 1, 1])
  }

  @Test func `of version 1 is read by every later version`() throws {
    if Self.isWriting { try Data(letter().bytes).write(to: Self.golden) }
    let bytes = [UInt8](try Data(contentsOf: Self.golden))
    let read = try DeadLetter(decoding: bytes)
    #expect(try Letters.numbers(read) == Array(0..<10))
    #expect(
      bytes.prefix(56 + 9).map { String($0, radix: 16) }.joined(separator: " ")
        == "43 4c 4d 44 1 0 9 0 30 0 0 0 3 0 0 0 7 0 0 0 0 0 0 0 7b 68 e5 cf 8b 1 0 0 a 0 0 0 0 0 0 0 a 0 0 0 0 0 0 0 "
        + "\(String(bytes[48], radix: 16)) \(String(bytes[49], radix: 16)) 0 0 0 0 0 0 5a c3 bc 72 69 63 68 20 31")
    let again = try DeadLetter.encode(
      consumer: read.header.consumer, generation: read.header.generation, blocks: read.tabled,
      reason: read.header.reason, attempts: read.header.attempts, refused: read.header.refused)
    #expect(again.bytes == bytes)
  }

  @Test func `is refused when any byte is another, or missing, or too many`() throws {
    let bytes = try letter().bytes
    for at in bytes.indices {
      var flipped = bytes
      flipped[at] ^= 0x11
      #expect(throws: FormatError.self, "byte \(at)") { try DeadLetter(decoding: flipped) }
    }
    for count in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: FormatError.self) { try DeadLetter(decoding: Array(bytes.prefix(count))) }
    }
    #expect(throws: FormatError.self) { try DeadLetter(decoding: bytes + [0]) }
  }

  @Test func `whose header counts other rows than its blocks is refused`() throws {
    let (header, bytes) = try letter()
    let wrong = DeadLetterHeader(
      consumer: header.consumer, generation: 1, refused: header.refused, attempts: 1, rows: 9, entries: 10,
      envelopeBytes: header.envelopeBytes, reason: "")
    let error = #expect(throws: FormatError.self) {
      try DeadLetter(decoding: wrong.encoded() + bytes[header.byteCount...])
    }
    #expect(error?.what.contains("10 rows") == true)
  }

  @Test func `keeps as much of a reason as fits, cut between characters`() throws {
    for text in ["x", "ü", "→", "🙂", "🇨🇭"] {
      for lead in 0..<9 {
        let long = String(repeating: "a", count: lead) + String(repeating: text, count: 5000)
        let kept = try DeadLetter(decoding: letter(reason: long).bytes).header.reason
        #expect(kept.utf8.count <= 4096 && kept.utf8.count > 4092 && long.utf8.starts(with: kept.utf8))
      }
    }
  }

  @Test func `is read without a trap whatever the bytes are`() throws {
    var random = LogRandom(seed: 5)
    let sample = try letter().bytes
    for _ in 0..<20_000 {
      var bytes = sample
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<(Bool.random(using: &random) ? 64 : bytes.count), using: &random)] =
          UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) {
        bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
      }
      LetterProbe.run(bytes)
    }
  }

  @Test(arguments: ["corpus/letter", "failures/letter"]) func `of the fuzzer is read without a trap`(folder: String)
    throws
  {
    let url = Self.repository.appendingPathComponent("fuzz/" + folder)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).filter { !$0.hasPrefix(".") }
    let whole = try names.map { LetterProbe.run([UInt8](try Data(contentsOf: url.appendingPathComponent($0)))) }
    if folder.hasPrefix("corpus") { #expect(whole.contains(true)) }
  }
}

@Suite struct `A dead letter's name` {
  @Test(arguments: [
    "remote", "a.b-c_D9", "with space", "Zürich", "a/b", "..", "%41", "~", "x.letter", "日本",
    String(repeating: "n", count: 200), String(repeating: "ü", count: 30),
  ]) func `says to whom it goes`(consumer: String) throws {
    for state in [DeadLetterName.State.letter, .redrive] {
      let name = DeadLetterName(number: 12, consumer: consumer, state: state)
      let read = try #require(DeadLetterName(name.file))
      #expect(read == name && read.consumer == consumer && read.number == 12 && read.state == state)
      #expect(name.file.utf8.count < 240 && !name.file.contains("/") && name.file.utf8.allSatisfy { $0 < 0x80 })
    }
  }

  @Test func `that would be too long is cut, and still another for another consumer`() throws {
    let long = String(repeating: "ü", count: 100)
    let other = String(repeating: "ü", count: 99) + "ö"
    let names = [long, other].map { DeadLetterName(number: 1, consumer: $0, state: .letter) }
    #expect(names[0].file != names[1].file && names.allSatisfy { $0.file.utf8.count < 240 && $0.consumer == nil })
    for name in names { #expect(DeadLetterName(name.file) == name) }
    #expect(DeadLetterName.address(of: long) == names[0].address)
  }

  @Test func `is written in one way only, and other files are none of ours`() {
    #expect(DeadLetterName(number: 7, consumer: "a", state: .letter).file == "00000007-a.letter")
    #expect(DeadLetterName(number: 123_456_789, consumer: "a b", state: .redrive).file == "123456789-a%20b.redrive")
    for file in [
      "", "7-a.letter", "0000000000007-a.letter", "00000007-a.letter.tmp", "00000007-.letter", "00000007.letter",
      "00000007-a", "00000007-a.Letter", "0000000x-a.letter", "+0000007-a.letter", "00000007_a.letter",
      "99999999999999999999-a.letter",
    ] { #expect(DeadLetterName(file) == nil, "\(file)") }
    for file in ["00000007-a%2.letter", "00000007-a%2f.letter", "00000007-a%ff.letter", "00000007-ü.letter"] {
      #expect(DeadLetterName(file)?.consumer == nil, "\(file)")
    }
  }
}

@Suite struct `The bound of dead letters` {
  private func letters(_ states: String) -> [DeadLetterBound.Letter] {
    states.enumerated().map { index, state in
      .init(
        name: DeadLetterName(number: UInt64(index), consumer: "a", state: state == "r" ? .redrive : .letter), bytes: 10)
    }
  }

  private func gone(_ states: String, adding: Int, bytes: Int, letters count: Int = 100) -> [UInt64] {
    DeadLetterBound.leaving(letters(states), adding: adding, limits: .init(bytes: bytes, letters: count)) {
      !states.utf8.elementsEqual("x".utf8) && Array(states)[Int($0.name.number)] != "x"
    }.map(\.name.number)
  }

  @Test func `lets the oldest go, and no more than are needed`() {
    #expect(gone("llll", adding: 10, bytes: 50) == [])
    #expect(gone("llll", adding: 10, bytes: 49) == [0])
    #expect(gone("llll", adding: 25, bytes: 50) == [0, 1])
    #expect(gone("llll", adding: 10, bytes: 500, letters: 3) == [0, 1])
  }

  @Test func `lets those go last whose redrive was asked for, and damaged ones never`() {
    #expect(gone("rlrl", adding: 10, bytes: 30) == [1, 3])
    #expect(gone("rlrl", adding: 10, bytes: 20) == [1, 3, 0])
    #expect(gone("xlxl", adding: 10, bytes: 20) == [1, 3])
  }

  @Test func `lets all others go for a new one that is too large alone`() {
    #expect(gone("llrl", adding: 1000, bytes: 50) == [0, 1, 3, 2])
  }
}
