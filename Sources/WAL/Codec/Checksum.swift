import CCrypto
import CXXHash
import Model

/// XXH3-64, seed 0: the checksum of blocks, tables and pages.
///
/// Source: https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md.
public enum Checksum {
  public static func xxh3(_ bytes: RawSpan) -> UInt64 {
    bytes.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
  }

  public static func xxh3(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    XXH3_64bits(bytes.baseAddress, bytes.count)
  }
}

/// The first 128 bits of the SHA-256 of a table's uncompressed payload: whoever receives a table computes its name itself.
public struct TableName: Hashable, Sendable, CustomStringConvertible {
  public static let byteCount = 16

  /// The first eight bytes, little-endian.
  public let low: UInt64
  /// The last eight bytes, little-endian.
  public let high: UInt64

  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// Nil unless there are 16 of them.
  public init?(bytes: [UInt8]) {
    guard bytes.count == TableName.byteCount else { return nil }
    func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(low: word(bytes[..<8]), high: word(bytes[8...]))
  }

  /// Nil only when libcrypto refuses to hash, which it does when memory is out.
  init?(hashing payload: RawSpan) {
    var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    let done = withUnsafeMutableBytes(of: &digest) { out in
      payload.withUnsafeBytes { bytes in
        EVP_Digest(
          bytes.baseAddress, bytes.count, out.baseAddress?.assumingMemoryBound(to: UInt8.self), nil, EVP_sha256(), nil)
      }
    }
    guard done == 1 else { return nil }
    self.init(low: UInt64(littleEndian: digest.0), high: UInt64(littleEndian: digest.1))
  }

  /// The 16 bytes in order, as an LMDB key.
  public var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.fixed(low)
    writer.fixed(high)
    return writer.bytes
  }

  /// 32 hexadecimal digits, in the order of the bytes.
  public var description: String { Hexadecimal.digits(low, high) }
}
