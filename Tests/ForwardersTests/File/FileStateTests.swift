import Codec
import Model
import Testing

@testable import Forwarders

@Suite
struct `The file forwarder's state` {
  static func sample() -> FileState {
    var state = FileState()
    state.generation = 3
    state.counter = 17
    state.part = .init(name: "clymene-20261123T094233Z-000016.ndjson", length: 12_345, started: UnixMilliseconds(99))
    state.known.add(1...10, of: Origin(low: 1, high: .max))
    state.known.add(20...20, of: Origin(low: 1, high: .max))
    state.known.add(7...(.max), of: Origin(low: 0xABCD, high: 2))
    return state
  }

  @Test
  func `It reads back as it was written`() throws {
    #expect(FileState(Self.sample().encoded()) == Self.sample())
    #expect(FileState(FileState().encoded()) == FileState())
  }

  @Test
  func `It is text that a person can read`() throws {
    let lines = String(decoding: Self.sample().encoded(), as: UTF8.self).split(separator: "\n")
    #expect(
      lines.dropLast() == [
        "clymene file forwarder state 1", "generation 3", "counter 17",
        "part 12345 99 clymene-20261123T094233Z-000016.ndjson",
        "rows 0100000000000000ffffffffffffffff 1-10 20-20",
        "rows cdab0000000000000200000000000000 7-18446744073709551615",
      ])
    #expect(lines.last?.hasPrefix("end ") == true)
  }

  @Test
  func `Any changed, missing or added byte is noticed`() {
    let bytes = Self.sample().encoded()
    for at in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[at] ^= 1 << UInt8(bit)
        #expect(FileState(changed) == nil)
      }
      #expect(FileState(Array(bytes[..<at])) == nil)
    }
    #expect(FileState(bytes + [10]) == nil)
    #expect(FileState(bytes + bytes) == nil)
  }

  @Test
  func `Lines that make no sense are refused although their checksum fits`() {
    for line in [
      "part -1 0 x", "part 1 x y", "rows 01 1-2", "rows \(String(repeating: "0", count: 32)) 5-2",
      "rows \(String(repeating: "é", count: 16)) 1-2", "generation x", "counter", "what is this", "rows",
      "generation 99999999999999999999",
    ] {
      let text = Array("clymene file forwarder state 1\n\(line)\n".utf8)
      let checksum = String(Checksum.xxh3(text.span.bytes), radix: 16)
      #expect(FileState(text + Array("end \(checksum)\n".utf8)) == nil, "\(line)")
    }
  }
}

@Suite
struct `The rows that are known` {
  static let a = Origin(low: 1, high: 1)

  @Test
  func `Ranges that touch or overlap become one`() {
    var known = KnownRows()
    for range in [UInt64(5)...6, 1...2, 9...9, 7...8] { known.add(range, of: Self.a) }
    #expect(known[Self.a] == [1...2, 5...9])
    known.add(2...5, of: Self.a)
    #expect(known[Self.a] == [1...9])
    known.add(0...(.max), of: Self.a)
    #expect(known[Self.a] == [0...(.max)])
  }

  @Test
  func `It agrees with a plain set of numbers`() {
    var generator = SeededGenerator(3)
    var known = KnownRows()
    var set: Set<UInt64> = []
    for _ in 0..<60 {
      let first = generator.next() % 300
      let range = first...first + generator.next() % 10
      known.add(range, of: Self.a)
      set.formUnion(range)
      #expect(Set(known[Self.a].flatMap { Array($0) }) == set)
      #expect(zip(known[Self.a], known[Self.a].dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
    }
  }

  @Test
  func `What was added to longest ago is forgotten past the bounds`() {
    var known = KnownRows()
    for number in 0..<UInt64(KnownRows.limitOrigins + 1) { known.add(1...1, of: Origin(low: number, high: 0)) }
    #expect(known[Origin(low: 0, high: 0)].isEmpty)
    #expect(known[Origin(low: 1, high: 0)] == [1...1])
    for at in 0..<UInt64(KnownRows.limitRanges + 10) { known.add(at * 2...at * 2, of: Self.a) }
    #expect(known[Self.a].count == KnownRows.limitRanges)
    #expect(known[Self.a].first == 20...20)
  }
}

@Suite
struct `Times in file names` {
  @Test(arguments: [
    (0, "19700101T000000Z"), (951_782_400_000, "20000229T000000Z"), (1_795_426_953_999, "20261123T094233Z"),
    (-1, "19691231T235959Z"), (4_102_444_799_999, "20991231T235959Z"), (1_709_251_199_000, "20240229T235959Z"),
  ])
  func `They are the UTC date and time`(milliseconds: Int64, text: String) {
    #expect(UTCText.compact(UnixMilliseconds(milliseconds)) == text)
  }
}
