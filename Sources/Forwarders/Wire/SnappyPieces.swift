import CSnappy

/// A snappy block made of its content piece by piece, so that the whole content never has to be in memory.
///
/// In the block format what follows the content's length is a row of elements, which refer back within the 64 KiB that the compressor takes at
/// once. So the elements of pieces can stand one after the other; the length goes in front at the end.
///
/// Source: google/snappy, format_description.txt; the compressor's blocks: snappy.cc, kBlockSize.
struct SnappyPieces: ~Copyable {
  /// Room in front for the length.
  private static let gap = 8

  private var out: WireBuffer
  private var contentBytes = 0

  init() {
    out = WireBuffer(reserving: 64 << 10)
    out.count = Self.gap
  }

  /// Compresses and adds a piece. Multiples of 64 KiB, but for the last one, give what compressing the whole at once would give.
  mutating func append(_ piece: UnsafeRawBufferPointer) {
    guard let source = piece.baseAddress, piece.count > 0 else { return }
    var length = snappy_max_compressed_length(piece.count)
    out.reserve(length)
    // The piece's own length comes first. It is written over what stands before, which is put back.
    let own = Varint.byteCount(piece.count)
    let start = out.base + (out.count - own)
    let before = (start.loadUnaligned(as: UInt64.self), own)
    let status = snappy_compress(
      source.assumingMemoryBound(to: CChar.self), piece.count, start.assumingMemoryBound(to: CChar.self), &length)
    precondition(status == SNAPPY_OK, "snappy refuses an output of its own greatest length")
    withUnsafeBytes(of: before.0) { bytes in
      for index in 0..<own { start.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self) }
    }
    out.count += length - own
    contentBytes += piece.count
  }

  /// The block of everything that was added; then it begins anew. Memory beyond `keptBytes` is given back.
  mutating func finish(keptBytes: Int) -> [UInt8] {
    let length = Varint.byteCount(contentBytes)
    let start = Self.gap - length
    _ = Varint.store(UInt64(contentBytes), at: out.base + start)
    let block = out.withBytes { Array($0.extracting(start..<$0.byteCount)) }
    removeAll(keptBytes: keptBytes)
    return block
  }

  /// Forgets what was added.
  mutating func removeAll(keptBytes: Int) {
    out.removeAll(keptBytes: keptBytes)
    out.count = Self.gap
    contentBytes = 0
  }
}

extension [UInt8] {
  fileprivate init(_ span: RawSpan) {
    self = span.withUnsafeBytes { [UInt8]($0) }
  }
}
