/// Bytes being put together, in memory that is kept from one message to the next. One owner.
///
/// The writers of hot loops reserve once for several values and then store without a check: an array's append costs more than all the rest
/// of a sample.
struct WireBuffer: ~Copyable {
  /// Valid up to `capacity`; whoever stores has reserved.
  private(set) var base: UnsafeMutableRawPointer
  private(set) var capacity: Int
  var count = 0

  /// Bytes that a store of whole words may touch behind what it means to write.
  static let slack = 32

  init(reserving capacity: Int = 4096) {
    self.capacity = max(64, capacity)
    base = .allocate(byteCount: self.capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  /// Makes room for `more` bytes and the slack behind them.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    if count + more + Self.slack > capacity { grow(to: count + more + Self.slack) }
  }

  @inline(never)
  private mutating func grow(to needed: Int) {
    resize(to: max(needed, capacity * 2))
  }

  private mutating func resize(to newCapacity: Int) {
    let next = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
    next.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = next
    capacity = newCapacity
  }

  /// Forgets the content. Memory beyond `keptBytes`, which an unusually large message may have needed, is given back.
  mutating func removeAll(keptBytes: Int) {
    count = 0
    if capacity > keptBytes { resize(to: max(64, keptBytes)) }
  }

  /// Moves what stands behind the first `bytes` bytes to the front.
  mutating func removeFirst(_ bytes: Int) {
    base.copyMemory(from: base + bytes, byteCount: count - bytes)
    count -= bytes
  }

  mutating func append(_ bytes: [UInt8]) {
    reserve(bytes.count)
    bytes.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { (base + count).copyMemory(from: source, byteCount: bytes.count) }
    }
    count += bytes.count
  }

  /// Calls `body` with what has been written.
  func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
    try body(UnsafeRawBufferPointer(start: base, count: count).bytes)
  }
}

/// Numbers as protobuf writes them. https://protobuf.dev/programming-guides/encoding/
enum Varint {
  /// 1 to 10 bytes.
  @inline(__always)
  static func byteCount(_ value: UInt64) -> Int { (70 - (value | 1).leadingZeroBitCount) / 7 }

  @inline(__always)
  static func byteCount(_ value: Int) -> Int { byteCount(UInt64(bitPattern: Int64(value))) }

  /// Writes at `at`, where there is room, and gives the place behind it.
  @inline(__always)
  static func store(_ value: UInt64, at start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    var at = start
    var rest = value
    while rest >= 0x80 {
      at.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
      at += 1
      rest >>= 7
    }
    at.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
    return at + 1
  }
}
