import Codec
import HTTP
import Wire

/// How a body is compressed.
enum BodyEncoding: Sendable, Equatable {
  case plain
  /// Snappy's block format.
  case snappy
  case zstd
  case gzip
  /// With zlib's frame or without: senders differ.
  case deflate

  /// Of the header Content-Encoding; nil for what is not known.
  init?(_ header: String?) {
    switch header?.lowercased().trimmingPrefix(while: { $0 == " " }) {
    case nil, "", "identity": self = .plain
    case "snappy": self = .snappy
    case "zstd": self = .zstd
    case "gzip", "x-gzip": self = .gzip
    case "deflate": self = .deflate
    default: return nil
    }
  }

  /// The decompressed body, at most `limitBytes`, which the lease holds as it grows.
  func decode(_ body: [UInt8], limitBytes: Int, _ lease: ByteBudget.Lease) throws(Refusal) -> [UInt8] {
    switch self {
    case .plain:
      guard body.count <= limitBytes else { throw Self.tooLarge(limitBytes) }
      return body
    case .snappy:
      // The length stands in front, so that the room is taken before it is filled.
      if let declared = Self.declaredLength(body), declared <= limitBytes { try lease.grow(declared) }
      do throws(WireError) {
        return try Snappy.decompress(body.span.bytes, limitBytes: limitBytes)
      } catch {
        if error.kind == .tooLarge { throw Self.tooLarge(limitBytes) }
        throw Refusal(.invalid, "the body is not snappy's block format: \(error); sending it again does not help")
      }
    case .zstd: return try inflateZstd(body, limitBytes, lease)
    case .gzip: return try inflate(body, .gzip, limitBytes, lease)
    // Zlib's first byte says so: method 8, a window of at most 32 KiB, and a check over two bytes.
    case .deflate:
      let hasFrame = body.count >= 2 && body[0] & 0x0f == 8 && (Int(body[0]) << 8 | Int(body[1])) % 31 == 0
      return try inflate(body, hasFrame ? .zlib : .raw, limitBytes, lease)
    }
  }

  private static let step = 64 << 10

  private func inflate(
    _ body: [UInt8], _ format: ZlibInflater.Format, _ limitBytes: Int, _ lease: ByteBudget.Lease
  ) throws(Refusal) -> [UInt8] {
    guard var inflater = ZlibInflater(format) else { throw Self.noMemory }
    var output: [UInt8] = []
    var at = 0
    while at < body.count {
      let end = min(at + Self.step, body.count)
      let before = output.count
      do throws(ZlibInflater.Failure) {
        try body.span.bytes.extracting(at..<end).withUnsafeBytes { bytes throws(ZlibInflater.Failure) in
          try inflater.inflate(bytes, into: &output, limitBytes: limitBytes)
        }
      } catch {
        switch error {
        case .tooLarge: throw Self.tooLarge(limitBytes)
        case .malformed(let reason): throw Self.malformed("\(self)", reason)
        }
      }
      try lease.grow(output.count - before)
      at = end
    }
    guard inflater.isComplete else { throw Self.malformed("\(self)", "it ends early") }
    return output
  }

  private func inflateZstd(_ body: [UInt8], _ limitBytes: Int, _ lease: ByteBudget.Lease) throws(Refusal) -> [UInt8] {
    guard var inflater = ZstdInflater() else { throw Self.noMemory }
    var output: [UInt8] = []
    var at = 0
    while at < body.count {
      let end = min(at + Self.step, body.count)
      let before = output.count
      do throws(ZstdInflater.Failure) {
        try body.span.bytes.extracting(at..<end).withUnsafeBytes { bytes throws(ZstdInflater.Failure) in
          try inflater.inflate(bytes, into: &output, limitBytes: limitBytes)
        }
      } catch {
        switch error {
        case .tooLarge: throw Self.tooLarge(limitBytes)
        case .malformed(let reason): throw Self.malformed("zstd", reason)
        }
      }
      try lease.grow(output.count - before)
      at = end
    }
    guard inflater.isComplete else { throw Self.malformed("zstd", "it ends early") }
    return output
  }

  /// What snappy's first bytes say: a varint of at most 32 bits.
  private static func declaredLength(_ body: [UInt8]) -> Int? {
    var length = 0
    for (index, byte) in body.prefix(5).enumerated() {
      length |= Int(byte & 0x7f) << (7 * index)
      if byte < 0x80 { return length }
    }
    return nil
  }

  private static func tooLarge(_ limitBytes: Int) -> Refusal {
    Refusal(
      .tooLarge,
      "the body is larger than \(limitBytes) bytes when decompressed, which is the limit; less at once may be taken")
  }

  private static func malformed(_ encoding: String, _ reason: String) -> Refusal {
    Refusal(
      .invalid,
      "the body is not the \(encoding) that Content-Encoding says: \(reason); sending it again does not help")
  }

  private static var noMemory: Refusal {
    Refusal(.unavailable, "no memory for a decoder; it may be sent again", retryAfter: .seconds(1))
  }
}
