import Model

extension ProtobufReader {
  /// The sample that stands here as nearly all senders write it: field 2, in it the value and a positive time, in this order. Nil and unmoved otherwise.
  @inline(__always)
  mutating func shortSample(in bytes: RawSpan) -> RemoteWriteRequest.Sample? {
    // Key and length, key and eight bytes, key and one byte of the time at least.
    guard end &- offset >= 13, end <= bytes.byteCount else { return nil }
    let length = Int(bytes.unsafeLoad(fromByteOffset: offset &+ 1, as: UInt8.self))
    guard bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == RemoteWriteFields.bytesKey(2),
      length >= 11, length < 20, length <= end &- offset &- 2,
      bytes.unsafeLoad(fromByteOffset: offset &+ 2, as: UInt8.self)
        == RemoteWriteFields.fixedKey(RemoteWriteFields.Sample.value),
      bytes.unsafeLoad(fromByteOffset: offset &+ 11, as: UInt8.self)
        == RemoteWriteFields.varintKey(RemoteWriteFields.Sample.timestamp)
    else { return nil }
    var time: UInt64 = 0
    var shift: UInt64 = 0
    var at = offset &+ 12
    // Under 20 bytes in all leave at most nine for the time, 63 bits.
    let last = offset &+ 1 &+ length
    while at < last {
      let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      guard byte >= 0x80 else { return nil }
      time |= UInt64(byte & 0x7f) &<< shift
      shift &+= 7
      at &+= 1
    }
    let byte = bytes.unsafeLoad(fromByteOffset: last, as: UInt8.self)
    guard byte < 0x80 else { return nil }
    time |= UInt64(byte) &<< shift
    let bits = bytes.unsafeLoadUnaligned(fromByteOffset: offset &+ 3, as: UInt64.self)
    jump(to: last &+ 1)
    return .init(timestamp: UnixMilliseconds(Int64(bitPattern: time)), valueBits: UInt64(littleEndian: bits))
  }
}
