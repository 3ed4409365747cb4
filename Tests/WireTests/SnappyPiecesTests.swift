import Testing

@testable import Wire

@Suite("Snappy made piece by piece")
struct SnappyPiecesTests {
  private func content(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7) ^ ($0 % 13 == 0 ? $0 / 100 : 3)) }
  }

  private func compressed(_ content: [UInt8], piece: Int) -> [UInt8] {
    var pieces = SnappyPieces()
    for start in stride(from: 0, to: content.count, by: piece) {
      content[start..<min(start + piece, content.count)].withUnsafeBytes { pieces.append($0) }
    }
    return pieces.finish(keptBytes: 1 << 20)
  }

  @Test(
    "is what compressing at once gives, where pieces are snappy's own",
    arguments: [0, 1, 65_535, 65_536, 65_537, 700_000])
  func isTheSame(count: Int) {
    let content = content(count)
    let whole = content.span.bytes
    #expect(compressed(content, piece: 64 << 10) == Snappy.compress(whole))
    #expect(compressed(content, piece: 256 << 10) == Snappy.compress(whole))
  }

  @Test("can be read whatever the pieces", arguments: [1, 100, 65_000, 100_000])
  func canBeRead(piece: Int) throws {
    let content = content(200_001)
    let block = compressed(piece == 1 ? Array(content.prefix(500)) : content, piece: piece)
    let back = try Snappy.decompress(block.span.bytes, limitBytes: 1 << 20)
    #expect(back == (piece == 1 ? Array(content.prefix(500)) : content))
  }

  @Test func beginsAnewAfterEachBlock() throws {
    var pieces = SnappyPieces()
    for text in ["the first one", "another"] {
      Array(text.utf8).withUnsafeBytes { pieces.append($0) }
      let back = try Snappy.decompress(pieces.finish(keptBytes: 100).span.bytes, limitBytes: 100)
      #expect(back == Array(text.utf8))
    }
  }
}
