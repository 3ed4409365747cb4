/// A position in bytes that somebody else holds. Every read checks the end first and throws instead of trapping; nothing is
/// allocated by a length that the bytes at hand do not cover.
///
/// The bytes are an argument of each call, so that the reader is a plain value and the memory stays in its owner's closure.
public struct ByteReader: Sendable {
  public private(set) var offset: Int
  public let end: Int

  public init(offset: Int = 0, end: Int) {
    self.offset = offset
    self.end = end
  }

  public var remaining: Int { end - offset }
  public var isAtEnd: Bool { offset == end }

  @inline(__always)
  func need(_ count: Int, _ what: @autoclosure () -> String, in bytes: RawSpan) throws(FormatError) {
    guard count >= 0, count <= end &- offset, end <= bytes.byteCount else {
      throw FormatError(.truncated, "\(what()): needs \(count) bytes, \(end - offset) are left", at: offset)
    }
  }

  public mutating func byte(_ what: @autoclosure () -> String, in bytes: RawSpan) throws(FormatError) -> UInt8 {
    try need(1, what(), in: bytes)
    defer { offset += 1 }
    return bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  public mutating func fixed<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ what: @autoclosure () -> String, in bytes: RawSpan
  ) throws(FormatError) -> T {
    try need(MemoryLayout<T>.size, what(), in: bytes)
    defer { offset += MemoryLayout<T>.size }
    return T(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
  }

  @inline(__always)
  public mutating func varint(_ what: @autoclosure () -> String, in bytes: RawSpan) throws(FormatError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      try need(1, what(), in: bytes)
      let next = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      offset += 1
      // The tenth byte holds the last bit; anything more would be lost in silence.
      if shift == 63, next > 1 { throw FormatError(.inconsistent, "\(what()): a varint past 64 bits", at: offset - 1) }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  /// A varint that counts things, refused past `limit`.
  public mutating func count(
    _ what: @autoclosure () -> String, limit: Int, in bytes: RawSpan
  ) throws(FormatError) -> Int {
    let at = offset
    let value = try varint(what(), in: bytes)
    guard value <= UInt64(limit) else { throw FormatError(.tooLarge, "\(what()): \(value), at most \(limit)", at: at) }
    return Int(value)
  }

  public mutating func zigzag(_ what: @autoclosure () -> String, in bytes: RawSpan) throws(FormatError) -> Int64 {
    ZigZag.decode(try varint(what(), in: bytes))
  }

  /// The range of the next `count` bytes, which are there.
  public mutating func take(
    _ count: Int, _ what: @autoclosure () -> String, in bytes: RawSpan
  ) throws(FormatError) -> Range<Int> {
    try need(count, what(), in: bytes)
    defer { offset += count }
    return offset..<(offset + count)
  }

  /// A reader of the next `count` bytes.
  public mutating func sub(
    _ count: Int, _ what: @autoclosure () -> String, in bytes: RawSpan
  ) throws(FormatError) -> ByteReader {
    let range = try take(count, what(), in: bytes)
    return ByteReader(offset: range.lowerBound, end: range.upperBound)
  }

  /// A length and that many bytes of valid UTF-8.
  public mutating func string(_ what: @autoclosure () -> String, in bytes: RawSpan) throws(FormatError) -> String {
    let at = offset
    let length = try count(what(), limit: remaining, in: bytes)
    let range = try take(length, what(), in: bytes)
    return try bytes.utf8String(range, what(), at: at)
  }

  /// A length and that many bytes.
  public mutating func prefixed(_ what: @autoclosure () -> String, in bytes: RawSpan) throws(FormatError) -> [UInt8] {
    let length = try count(what(), limit: remaining, in: bytes)
    let range = try take(length, what(), in: bytes)
    return bytes.array(range)
  }

  /// Complains when bytes are left over.
  public func finish(_ what: @autoclosure () -> String) throws(FormatError) {
    guard isAtEnd else { throw FormatError(.inconsistent, "\(what()): \(remaining) bytes too many", at: offset) }
  }
}

extension RawSpan {
  /// A copy of a range that the caller has checked.
  func array(_ range: Range<Int>) -> [UInt8] {
    extracting(range).withUnsafeBytes { [UInt8]($0) }
  }

  func utf8String(
    _ range: Range<Int>, _ what: @autoclosure () -> String, at offset: Int
  ) throws(FormatError) -> String {
    let text = extracting(range).withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    guard let text else { throw FormatError(.inconsistent, "\(what()): not valid UTF-8", at: offset) }
    return text
  }
}
