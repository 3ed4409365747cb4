import Codec

/// A zstd stream in pieces of odd sizes: never past the limit, and the same as in one piece.
///
/// But for whether it is refused: the library compares a frame's length with the one that it declares only when it has the whole frame at once.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  let whole = inflate(bytes, pieceBytes: max(1, count))
  if let whole, let pieces = inflate(bytes, pieceBytes: 7) { precondition(pieces == whole) }
  return 0
}

/// The content; nil when the stream is refused or ends early.
private func inflate(_ bytes: UnsafeRawBufferPointer, pieceBytes: Int) -> [UInt8]? {
  let limitBytes = 1 << 20
  guard var inflater = ZstdInflater() else { return nil }
  var output: [UInt8] = []
  do {
    for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + pieceBytes, bytes.count)])
      try inflater.inflate(piece, into: &output, limitBytes: limitBytes)
      precondition(output.count <= limitBytes)
    }
  } catch {
    return nil
  }
  return inflater.isComplete ? output : nil
}
