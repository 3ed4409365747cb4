/// Reads protobuf's fields from bytes that somebody else holds. Every read checks the end first and throws instead of trapping.
///
/// The bytes are an argument of each call, so that the reader is a plain value and the memory stays in its owner's closure.
///
/// Source: https://protobuf.dev/programming-guides/encoding/
struct ProtobufReader {
  /// One field's key and value.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    /// A message, a text, or packed numbers.
    case bytes(ProtobufReader)
  }

  private(set) var offset: Int
  let end: Int

  /// A reader of a part of the bytes, which holds it.
  init(offset: Int, end: Int) {
    self.offset = offset
    self.end = end
  }

  var count: Int { end - offset }
  var isAtEnd: Bool { offset == end }

  /// The next field, or nil at the end. Groups, which protobuf gave up, are an error.
  mutating func field(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> (number: Int, value: Value)? {
    if isAtEnd { return nil }
    let at = offset
    let key = try varint(what, in: bytes)
    guard key >> 3 >= 1, key >> 3 < 1 << 29 else { throw WireError(.malformed, "\(what): field \(key >> 3)", at: at) }
    let number = Int(key >> 3)
    switch key & 7 {
    case 0: return (number, .varint(try varint(what, in: bytes)))
    case 1: return (number, .fixed64(try fixed(UInt64.self, what, in: bytes)))
    case 2:
      let length = try varint(what, in: bytes)
      guard length <= UInt64(count) else {
        throw WireError(.truncated, "\(what): field \(number) has \(length) bytes, \(count) are left", at: offset)
      }
      let inner = ProtobufReader(offset: offset, end: offset + Int(length))
      offset = inner.end
      return (number, .bytes(inner))
    case 5: return (number, .fixed32(try fixed(UInt32.self, what, in: bytes)))
    default: throw WireError(.malformed, "\(what): field \(number) has the wire type \(key & 7)", at: at)
    }
  }

  mutating func varint(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard offset < end, end <= bytes.byteCount else {
        throw WireError(.truncated, "\(what): the bytes end within a number", at: offset)
      }
      let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      if shift == 63, byte > 1 { throw WireError(.malformed, "\(what): a number past 64 bits", at: offset) }
      offset += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  mutating func fixed<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ what: StaticString, in bytes: RawSpan
  ) throws(WireError) -> T {
    guard count >= MemoryLayout<T>.size, end <= bytes.byteCount else {
      throw WireError(.truncated, "\(what): \(MemoryLayout<T>.size) bytes are needed, \(count) are left", at: offset)
    }
    defer { offset += MemoryLayout<T>.size }
    return T(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Goes on at a place within the bytes, for loops that read in place.
  @inline(__always)
  mutating func jump(to place: Int) { offset = min(place, end) }

  /// Passes over a field that begins with this key and has under 128 bytes. False and unmoved when something else stands there.
  @inline(__always)
  mutating func skipShort(_ key: UInt8, in bytes: RawSpan) -> Bool {
    guard end &- offset >= 2, end <= bytes.byteCount,
      bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == key
    else { return false }
    let length = Int(bytes.unsafeLoad(fromByteOffset: offset &+ 1, as: UInt8.self))
    guard length < 0x80, length <= end &- offset &- 2 else { return false }
    offset &+= 2 &+ length
    return true
  }

  /// A number of one or two bytes. Nil and unmoved when it is longer, or the bytes end.
  @inline(__always)
  mutating func shortVarint(in bytes: RawSpan) -> UInt32? {
    guard offset < end, end <= bytes.byteCount else { return nil }
    let first = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    if first < 0x80 {
      offset &+= 1
      return UInt32(first)
    }
    guard end &- offset >= 2 else { return nil }
    let second = bytes.unsafeLoad(fromByteOffset: offset &+ 1, as: UInt8.self)
    guard second < 0x80 else { return nil }
    offset &+= 2
    return UInt32(first & 0x7f) | UInt32(second) &<< 7
  }

  /// All that is left as text, which has to be UTF-8.
  func text(_ what: StaticString, in bytes: RawSpan) throws(WireError) -> String {
    guard end <= bytes.byteCount else { throw WireError(.truncated, "\(what): the bytes end", at: offset) }
    let text = bytes.extracting(offset..<end).withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    guard let text else { throw WireError(.malformed, "\(what): not valid UTF-8", at: offset) }
    return text
  }
}

extension ProtobufReader.Value {
  private func mismatch(_ what: StaticString, _ at: Int) -> WireError {
    WireError(.malformed, "\(what): another kind of value than belongs there", at: at)
  }

  func integer(_ what: StaticString, at: Int) throws(WireError) -> UInt64 {
    guard case .varint(let value) = self else { throw mismatch(what, at) }
    return value
  }

  /// A double's bits.
  func double(_ what: StaticString, at: Int) throws(WireError) -> UInt64 {
    guard case .fixed64(let bits) = self else { throw mismatch(what, at) }
    return bits
  }

  func bytes(_ what: StaticString, at: Int) throws(WireError) -> ProtobufReader {
    guard case .bytes(let reader) = self else { throw mismatch(what, at) }
    return reader
  }
}
