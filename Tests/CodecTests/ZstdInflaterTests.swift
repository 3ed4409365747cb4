import Testing

@testable import Codec

@Suite
struct `A zstd stream that arrives in pieces` {
  /// The content, or nil when the stream ends early.
  func inflate(_ pieces: [[UInt8]], limitBytes: Int = 1 << 20) throws -> [UInt8]? {
    guard var inflater = ZstdInflater() else { return nil }
    var output: [UInt8] = []
    for piece in pieces {
      try piece.withUnsafeBytes { try inflater.inflate($0, into: &output, limitBytes: limitBytes) }
    }
    return inflater.isComplete ? output : nil
  }

  func frame(_ content: [UInt8]) throws -> [UInt8] {
    let frames = try ZstdFrames()
    return try frames.frame(content)
  }

  static let text = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  @Test(arguments: [1, 7, 1000, 100_000])
  func `Is decoded whatever the size of the pieces`(_ size: Int) throws {
    let bytes = try frame(Self.text)
    let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    #expect(try inflate(pieces) == Self.text)
  }

  @Test
  func `May be several frames`() throws {
    #expect(try inflate([frame([1, 2]) + frame([]) + frame([3])]) == [1, 2, 3])
    #expect(try inflate([frame([1, 2]), frame([3])]) == [1, 2, 3])
  }

  @Test
  func `Nothing at all is whole`() throws {
    #expect(try inflate([]) == [])
    #expect(try inflate([[]]) == [])
  }

  @Test
  func `Content larger than a step comes whole, and at the limit still does`() throws {
    let content = [UInt8](repeating: 7, count: 300_000)
    let bytes = try frame(content)
    #expect(try inflate([bytes], limitBytes: 300_000) == content)
    #expect(throws: ZstdInflater.Failure.tooLarge) { try inflate([bytes], limitBytes: 299_999) }
  }

  @Test
  func `A bomb is given up at the limit`() throws {
    let bomb = try frame([UInt8](repeating: 0, count: 64 << 20))
    #expect(bomb.count < 10_000)
    #expect(throws: ZstdInflater.Failure.tooLarge) { try inflate([bomb]) }
  }

  @Test
  func `What ends early is not whole`() throws {
    let bytes = try frame(Self.text)
    for cut in [1, 5, bytes.count / 2, bytes.count - 1] {
      #expect(try inflate([Array(bytes.prefix(cut))]) == nil)
    }
  }

  @Test
  func `What is no zstd is said to be none`() throws {
    #expect(throws: ZstdInflater.Failure.self) { try inflate([Array("plain text".utf8)]) }
    #expect(throws: ZstdInflater.Failure.self) { try inflate([frame([1]) + [9, 9, 9, 9, 9]]) }
  }

  @Test
  func `A window larger than a content coding may have is refused`() throws {
    // A frame's header: magic, no content size, a window of 2^(10+17) = 128 MiB; then the head of a raw last block.
    let header: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x09, 0x00, 0x00, 0x61]
    #expect(throws: ZstdInflater.Failure.self) { try inflate([header]) }
    // 8 MiB is allowed.
    #expect(try inflate([[0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3, 0x09, 0x00, 0x00, 0x61]]) == [0x61])
  }
}
