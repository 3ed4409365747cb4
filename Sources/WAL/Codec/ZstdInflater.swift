import CZstd

/// Decodes a zstd stream as it arrives, one frame or several after each other, and never past a limit. One owner.
///
/// Source: RFC 8878; RFC 9659 (window size of the content coding); zstd.h (streaming decompression).
public struct ZstdInflater: ~Copyable {
  public enum Failure: Error, Equatable {
    case tooLarge
    case malformed(String)
  }

  /// The largest window that a content coding may ask for, as a power of two: 8 MiB. It bounds the decoder's memory whatever a frame declares.
  public static let windowLogLimit = 23

  private let context: OpaquePointer
  private let step: UnsafeMutableRawBufferPointer
  /// Of the frame under way, as the library puts it: 0 at a frame's end.
  private var rest = 0

  /// Nil when there is no memory.
  public init?() {
    guard let context = ZSTD_createDCtx() else { return nil }
    guard ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, CInt(Self.windowLogLimit))) == 0 else {
      ZSTD_freeDCtx(context)
      return nil
    }
    self.context = context
    step = .allocate(byteCount: 64 << 10, alignment: 16)
  }

  deinit {
    step.deallocate()
    ZSTD_freeDCtx(context)
  }

  /// Appends what `input` decodes to. `output` never holds more than `limitBytes`.
  public mutating func inflate(
    _ input: UnsafeRawBufferPointer, into output: inout [UInt8], limitBytes: Int
  ) throws(Failure) {
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var isFull = false
    // What the step had no room for is still in the decoder when all input is used.
    while source.pos < source.size || isFull {
      var target = ZSTD_outBuffer(dst: step.baseAddress, size: step.count, pos: 0)
      let before = source.pos
      let result = ZSTD_decompressStream(context, &target, &source)
      guard ZSTD_isError(result) == 0 else {
        throw .malformed(String(cString: ZSTD_getErrorName(result)))
      }
      guard target.pos <= limitBytes - output.count else { throw .tooLarge }
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: step[..<target.pos]))
      isFull = target.pos == target.size
      // Called with nothing to do at a frame's end, the library begins the next one.
      if source.pos > before || target.pos > 0 { rest = result }
    }
  }

  /// Whether what came so far is whole: nothing, or frames to their ends.
  public var isComplete: Bool { rest == 0 }
}
