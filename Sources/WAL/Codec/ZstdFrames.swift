/// Compresses pieces of a stream, each into a zstd frame of its own; frames after each other are again a zstd stream. For files and
/// requests, not for blocks. One owner.
public struct ZstdFrames: ~Copyable {
  private let compressor: ZstdCompressor

  /// Throws when there is no memory for a context.
  public init(level: Int32 = 3) throws(FormatError) {
    let compressor = try ZstdCompressor(level: level)
    self.compressor = compressor
  }

  /// The piece as one frame.
  public func frame(_ piece: [UInt8]) throws(FormatError) -> [UInt8] {
    var frame: [UInt8] = []
    _ = try compressor.compress(piece.span.bytes, appendingTo: &frame)
    return frame
  }
}
