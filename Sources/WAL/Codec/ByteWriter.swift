/// Bytes put together in the format's little-endian and varint encodings.
public struct ByteWriter: Sendable {
  public var bytes: [UInt8]

  public init(reserving count: Int = 0) {
    bytes = []
    bytes.reserveCapacity(count)
  }

  public var count: Int { bytes.count }

  @inline(__always)
  public mutating func byte(_ value: UInt8) { bytes.append(value) }

  public mutating func fixed<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  public mutating func raw(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  public mutating func raw(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

  /// LEB128, seven bits a byte, lowest first: 1 to 10 bytes.
  @inline(__always)
  public mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  @inline(__always)
  public mutating func varint(_ value: Int) { varint(UInt64(bitPattern: Int64(value))) }

  /// Signed numbers with small magnitude become small varints: 0, -1, 1, -2 → 0, 1, 2, 3.
  @inline(__always)
  public mutating func zigzag(_ value: Int64) { varint(ZigZag.encode(value)) }

  /// A length and the bytes.
  public mutating func string(_ value: String) {
    varint(value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  /// A length and the bytes.
  public mutating func prefixed(_ more: [UInt8]) {
    varint(more.count)
    bytes.append(contentsOf: more)
  }
}

public enum ZigZag {
  @inlinable @inline(__always)
  public static func encode(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

  @inlinable @inline(__always)
  public static func decode(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
}
