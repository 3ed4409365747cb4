import Codec
import Foundation
import Testing

@testable import WAL

@Suite("Page checksums of a sealed segment")
struct PageSumsTests {
  @Test("have the documented bytes")
  func golden() throws {
    let scratch = try Scratch()
    let path = try scratch.write([UInt8](repeating: 7, count: 65536) + [1, 2, 3], as: "1.lmdb")
    let bytes = try PageSums(of: path).encoded()
    #expect(bytes.count == 24 + 2 * 8 + 8)
    #expect(bytes[..<24] == [0x43, 0x4c, 0x4d, 0x53, 1, 1, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0])
    // XXH3-64 of 01 02 03, from the reference implementation.
    let tail: [UInt8] = [1, 2, 3]
    #expect(Array(bytes[32..<40]) == NoiseBlock.littleEndian(Checksum.xxh3(tail.span.bytes)))
    #expect(try PageSums(decoding: bytes) == PageSums(of: path))
  }

  @Test("name exactly the stretches that are damaged")
  func damage() throws {
    let scratch = try Scratch()
    var random = Seeded(1)
    let whole = random.bytes(65536 * 5 + 100)
    let sums = try PageSums(of: scratch.write(whole, as: "1.lmdb"))
    #expect(try sums.verify(scratch.file("1.lmdb")).isSound)
    func verdict(_ bytes: [UInt8]) throws -> [Range<UInt64>] {
      try sums.verify(scratch.write(bytes, as: "d.lmdb")).damaged
    }
    for place in [0, 65535, 65536, 200_000, whole.count - 1] {
      var bytes = whole
      bytes[place] ^= 0x10
      let start = UInt64(place / 65536 * 65536)
      #expect(try verdict(bytes) == [start..<min(start + 65536, UInt64(whole.count))])
    }
    var bytes = whole
    bytes[70000] ^= 1
    bytes[140_000] ^= 1
    #expect(try verdict(bytes) == [65536..<196_608])
    #expect(try verdict(Array(whole[..<65536])) == [65536..<UInt64(whole.count)])
    #expect(try verdict(Array(whole[..<70000])) == [65536..<UInt64(whole.count)])
    #expect(try verdict([]) == [0..<UInt64(whole.count)])
    // The last stretch is not the same either when something follows it.
    #expect(try verdict(whole + [0]).last?.upperBound == UInt64(whole.count + 1))
  }

  @Test("are written durably beside the segment and read back")
  func file() throws {
    let scratch = try Scratch()
    let path = try scratch.write([1, 2, 3], as: "00042.lmdb")
    let sumsPath = PageSums.path(besides: path)
    #expect(sumsPath == scratch.file("00042.sums"))
    #expect(try PageSums.read(from: sumsPath) == nil)
    try PageSums(of: path).write(to: sumsPath)
    #expect(try PageSums.read(from: sumsPath) == PageSums(of: path))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["00042.lmdb", "00042.sums"])
  }

  @Test("refuse every flipped bit and every length but their own")
  func hostile() throws {
    let scratch = try Scratch()
    let bytes = try PageSums(of: scratch.write([UInt8](repeating: 3, count: 200_000), as: "1.lmdb")).encoded()
    for place in 0..<(bytes.count * 8) {
      var damaged = bytes
      damaged[place / 8] ^= 1 << UInt8(place % 8)
      #expect(throws: FormatError.self) { try PageSums(decoding: damaged) }
    }
    for length in 0..<bytes.count {
      #expect(throws: FormatError.self) { try PageSums(decoding: Array(bytes[..<length])) }
    }
    #expect(throws: FormatError.self) { try PageSums(decoding: bytes + [0]) }
  }
}
