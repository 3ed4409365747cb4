import CZlib

/// Decodes gzip (one member or several after each other), zlib or raw deflate as it arrives, and never past a limit. One owner.
///
/// Source: RFC 1952, RFC 1950; zlib.h (inflateInit2: 16 added to the window bits means gzip).
public struct ZlibInflater: ~Copyable {
  public enum Failure: Error {
    case tooLarge
    case malformed(String)
  }

  public enum Format: CInt, Sendable {
    case gzip = 31
    /// What HTTP calls deflate.
    case zlib = 15
    /// What some senders call deflate: without a header or a checksum.
    case raw = -15
  }

  // zlib's state points back at it, so it may not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private var memberEnded = false
  private var started = false

  /// Nil when there is no memory.
  public init?(_ format: Format) {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard inflateInit2_(stream, format.rawValue, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
      stream.deallocate()
      return nil
    }
    self.stream = stream
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  private static let stepBytes = 64 << 10

  /// Appends what `input` decodes to. `output` never holds more than `limitBytes`.
  public mutating func inflate(
    _ input: UnsafeRawBufferPointer, into output: inout [UInt8], limitBytes: Int
  ) throws(Failure) {
    guard let base = input.baseAddress, input.count <= CInt.max else { return }
    // zlib only reads the input, but its field is not const.
    stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: Bytef.self))
    stream.pointee.avail_in = uInt(input.count)
    defer {
      stream.pointee.next_in = nil
      stream.pointee.avail_in = 0
    }
    started = started || input.count > 0
    let stream = stream
    var stepFull = false
    repeat {
      if memberEnded {
        guard stream.pointee.avail_in > 0 else { return }
        inflateReset(stream)
        memberEnded = false
      }
      var result = Z_OK
      var produced = 0
      let room = limitBytes - output.count
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.stepBytes) { step in
        stream.pointee.next_out = step.baseAddress
        stream.pointee.avail_out = uInt(step.count)
        result = CZlib.inflate(stream, Z_NO_FLUSH)
        produced = step.count - Int(stream.pointee.avail_out)
        stepFull = produced == step.count
        stream.pointee.next_out = nil
        if produced <= room { output.append(contentsOf: step[..<produced]) }
      }
      guard produced <= room else { throw .tooLarge }
      switch result {
      case Z_STREAM_END: memberEnded = true
      case Z_OK: break
      // Neither input nor output moved: all of this input is used.
      case Z_BUF_ERROR: return
      default: throw .malformed(stream.pointee.msg.map { String(cString: $0) } ?? "zlib code \(result)")
      }
    } while stream.pointee.avail_in > 0 || stepFull
  }

  /// Whether what came so far is whole: nothing, or members to their ends.
  public var isComplete: Bool { memberEnded || !started }
}
