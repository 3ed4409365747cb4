/// Writes protobuf's fields into an array, for messages that are not on a hot path. Values that are protobuf's default are left out.
///
/// Source: https://protobuf.dev/programming-guides/encoding/
public struct ProtobufWriter: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init(reserving count: Int = 64) { bytes.reserveCapacity(count) }

  public mutating func varint(_ number: Int, _ value: UInt64) {
    guard value != 0 else { return }
    raw(UInt64(number) << 3)
    raw(value)
  }

  public mutating func bytes(_ number: Int, _ value: [UInt8]) {
    raw(UInt64(number) << 3 | 2)
    raw(UInt64(value.count))
    bytes += value
  }

  /// Left out when it is empty.
  public mutating func text(_ number: Int, _ value: String) {
    guard !value.isEmpty else { return }
    bytes(number, Array(value.utf8))
  }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
