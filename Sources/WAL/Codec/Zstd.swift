import CZstd

/// zstd with contexts that are kept from call to call. One owner; not for two threads at once.
///
/// Source: https://facebook.github.io/zstd/zstd_manual.html (1.5.4).
struct ZstdCompressor: ~Copyable {
  private let context: OpaquePointer

  /// Throws when there is no memory for a context.
  init(level: Int32) throws(FormatError) {
    guard let made = ZSTD_createCCtx() else { throw FormatError(.inconsistent, "zstd: no memory for a context") }
    ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, level)
    ZSTD_CCtx_setParameter(made, ZSTD_c_contentSizeFlag, 1)
    // The block's own checksum covers the frame.
    ZSTD_CCtx_setParameter(made, ZSTD_c_checksumFlag, 0)
    context = made
  }

  deinit { ZSTD_freeCCtx(context) }

  /// Appends one frame to `output` and returns its length.
  func compress(_ input: RawSpan, appendingTo output: inout [UInt8]) throws(FormatError) -> Int {
    let bound = ZSTD_compressBound(input.byteCount)
    let start = output.count
    var result = 0
    // Grown without writing zeros first: the frame is written into place.
    let frame = [UInt8](unsafeUninitializedCapacity: bound) { buffer, initialized in
      result = input.withUnsafeBytes {
        ZSTD_compress2(context, buffer.baseAddress, buffer.count, $0.baseAddress, $0.count)
      }
      initialized = ZSTD_isError(result) == 0 ? result : 0
    }
    guard ZSTD_isError(result) == 0 else {
      throw FormatError(.inconsistent, "zstd: \(String(cString: ZSTD_getErrorName(result)))")
    }
    output.append(contentsOf: frame)
    return output.count - start
  }
}

struct ZstdDecompressor: ~Copyable {
  private let context: OpaquePointer

  init() throws(FormatError) {
    guard let made = ZSTD_createDCtx() else { throw FormatError(.inconsistent, "zstd: no memory for a context") }
    context = made
  }

  deinit { ZSTD_freeDCtx(context) }

  /// The frame's content, which has to be exactly `size` bytes; `size` has been checked against a limit by the caller.
  func decompress(_ frame: RawSpan, size: Int, what: @autoclosure () -> String) throws(FormatError) -> [UInt8] {
    // One frame and nothing behind it, not even one that a decoder skips.
    let length = frame.withUnsafeBytes { ZSTD_findFrameCompressedSize($0.baseAddress, $0.count) }
    guard length == frame.byteCount else {
      throw FormatError(.inconsistent, "\(what()): not one zstd frame of \(frame.byteCount) bytes")
    }
    // The frame's own word comes first: a header that disagrees costs no allocation.
    let declared = frame.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
    guard declared == UInt64(size) else {
      throw FormatError(.inconsistent, "\(what()): the header says \(size) bytes, the zstd frame \(declared)")
    }
    var result = 0
    let out = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      result = frame.withUnsafeBytes {
        ZSTD_decompressDCtx(context, buffer.baseAddress, buffer.count, $0.baseAddress, $0.count)
      }
      initialized = ZSTD_isError(result) == 0 ? result : 0
    }
    guard ZSTD_isError(result) == 0 else {
      throw FormatError(.inconsistent, "\(what()): zstd: \(String(cString: ZSTD_getErrorName(result)))")
    }
    guard out.count == size else {
      throw FormatError(.inconsistent, "\(what()): \(size) bytes expected, \(out.count) came")
    }
    return out
  }
}
