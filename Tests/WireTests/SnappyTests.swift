import Testing

@testable import Wire

@Suite struct SnappyTests {
  private static func compressed(_ bytes: [UInt8]) -> [UInt8] { Snappy.compress(bytes.span.bytes) }

  private static func plain(_ bytes: [UInt8], _ limitBytes: Int) throws -> [UInt8] {
    try Snappy.decompress(bytes.span.bytes, limitBytes: limitBytes)
  }

  @Test func whatIsCompressedComesBack() throws {
    for bytes in [[], [7], Array("a text, a text, a text, a text".utf8), [UInt8](repeating: 0, count: 1 << 20)] {
      #expect(try Self.plain(Self.compressed(bytes), bytes.count) == bytes)
    }
  }

  @Test("The block format has no frame: a length and a literal")
  func isTheBlockFormat() {
    #expect(Self.compressed(Array("abc".utf8)) == [3, 2 << 2, 0x61, 0x62, 0x63])
  }

  @Test func aLengthPastTheLimitIsRefusedBeforeAnythingIsAllocated() {
    // 4,294,967,295 bytes, declared by five.
    let bytes: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f, 0]
    let error = #expect(throws: WireError.self) { try Self.plain(bytes, 1 << 20) }
    #expect(error?.kind == .tooLarge)
  }

  @Test func aLengthThatSoFewBytesCannotHoldIsRefused() {
    let bytes: [UInt8] = [0xff, 0xff, 0x3f, 0]
    let error = #expect(throws: WireError.self) { try Self.plain(bytes, 1 << 30) }
    #expect(error?.kind == .compression)
  }

  @Test func damagedAndCutBytesAreErrors() {
    let whole = Self.compressed((0..<1000).map { UInt8(truncatingIfNeeded: $0 * $0) })
    for end in whole.indices {
      #expect(throws: WireError.self) { try Self.plain(Array(whole[..<end]), 1 << 20) }
    }
    var damaged = whole
    damaged[0] ^= 1
    #expect(throws: WireError.self) { try Self.plain(damaged, 1 << 20) }
  }
}
