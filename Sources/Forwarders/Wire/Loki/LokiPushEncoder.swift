import Codec
import Model

/// Makes Loki pushes of blocks, as protobuf, straight from their columns. One owner, memory kept.
///
/// The entries of a stream in all blocks of a delivery stand together, in the order of their rows, so that its labels are written once. Lines keep their
/// bytes. The same delivery gives the same bytes.
public struct LokiPushEncoder: ~Copyable {
  /// What a message holds.
  public struct Counts: Sendable, Equatable {
    public var streams = 0
    public var entries = 0

    public init() {}
  }

  /// Memory of that much is kept for the next message.
  private static let keptBytes = 64 << 10
  /// What is compressed at once; a multiple of snappy's own 64 KiB.
  private static let pieceBytes = 256 << 10

  private let opener: BlockOpener
  private var out = WireBuffer()
  private var pieces = SnappyPieces()
  /// Whether the message is compressed while it is made.
  private var isCompressing = false
  private let withMetadata: Bool

  /// Throws when there is no memory.
  public init(structuredMetadata: Bool = true) throws(FormatError) {
    opener = try BlockOpener()
    withMetadata = structuredMetadata
  }

  /// Makes the message of a delivery. Throws when a block or table cannot be read.
  public mutating func encode(_ delivery: Delivery, _ texts: LokiLabelTexts) throws(FormatError) -> Counts {
    out.removeAll(keptBytes: Self.keptBytes)
    let content = try LogStreams(delivery.blocks, shard: delivery.shard, opener, texts)
    var counts = Counts()
    for stream in content.streams {
      write(stream, content.groups)
      counts.streams += 1
      counts.entries += stream.entries.count
    }
    return counts
  }

  /// The message as the body of a request, compressed while it is made, and its entries; nil when it would have none.
  public mutating func body(
    of delivery: Delivery, _ texts: LokiLabelTexts
  ) throws(FormatError) -> (bytes: [UInt8], entries: Int)? {
    isCompressing = true
    defer { isCompressing = false }
    pieces.removeAll(keptBytes: Self.keptBytes)
    let entries = try encode(delivery, texts).entries
    guard entries > 0 else { return nil }
    out.withBytes { rest in rest.withUnsafeBytes { pieces.append($0) } }
    out.removeAll(keptBytes: Self.keptBytes)
    return (pieces.finish(keptBytes: Self.keptBytes), entries)
  }

  /// Calls `body` with the message made last by `encode`, uncompressed.
  public func withMessage<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result { try out.withBytes(body) }

  @inline(never)
  private mutating func compressPieces() {
    let whole = out.count / Self.pieceBytes * Self.pieceBytes
    for start in stride(from: 0, to: whole, by: Self.pieceBytes) {
      pieces.append(UnsafeRawBufferPointer(start: out.base + start, count: Self.pieceBytes))
    }
    out.removeFirst(whole)
  }

  private mutating func write(_ stream: LogStreams.Stream, _ groups: [LogGroup]) {
    // The length comes first, so all sizes are added up before anything is written.
    var bytes = Self.fieldBytes(stream.labels.count)
    for reference in stream.entries {
      bytes += Self.fieldBytes(entryBytes(groups[reference.group], reference.entry))
    }
    out.reserve(Self.fieldBytes(bytes) - bytes)
    key(LokiFields.Request.stream, bytes)
    out.reserve(Self.fieldBytes(stream.labels.count))
    key(LokiFields.Stream.labels, stream.labels.count)
    stream.labels.withUnsafeBytes { copy($0) }
    for reference in stream.entries {
      write(groups[reference.group], reference.entry)
      if isCompressing, out.count >= Self.pieceBytes { compressPieces() }
    }
  }

  private func entryBytes(_ group: LogGroup, _ entry: Int) -> Int {
    var bytes = Self.fieldBytes(Self.timestampBytes(group.timestamps[entry]))
    let line = group.lineStarts[entry + 1] - group.lineStarts[entry]
    if line > 0 { bytes += Self.fieldBytes(line) }
    if withMetadata, !group.structuredMetadata.isEmpty {
      for label in group.structuredMetadata[entry] { bytes += Self.fieldBytes(Self.pairBytes(label)) }
    }
    return bytes
  }

  private mutating func write(_ group: LogGroup, _ entry: Int) {
    let bytes = entryBytes(group, entry)
    out.reserve(Self.fieldBytes(bytes))
    key(LokiFields.Stream.entry, bytes)
    let timestamp = group.timestamps[entry]
    key(LokiFields.Entry.timestamp, Self.timestampBytes(timestamp))
    let (seconds, nanoseconds) = Self.parts(timestamp)
    number(LokiFields.Timestamp.seconds, seconds)
    number(LokiFields.Timestamp.nanoseconds, nanoseconds)
    let start = group.lineStarts[entry]
    let end = group.lineStarts[entry + 1]
    if end > start {
      key(LokiFields.Entry.line, end - start)
      group.lines.withUnsafeBytes { copy(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    }
    guard withMetadata, !group.structuredMetadata.isEmpty else { return }
    for label in group.structuredMetadata[entry] {
      key(LokiFields.Entry.metadata, Self.pairBytes(label))
      key(LokiFields.Pair.name, label.name.utf8.count)
      copy(label.name)
      key(LokiFields.Pair.value, label.value.utf8.count)
      copy(label.value)
    }
  }

  // MARK: Parts, for which there is room

  /// Of a message or text with its key, which takes one byte, and its length.
  @inline(__always)
  private static func fieldBytes(_ content: Int) -> Int { 1 + Varint.byteCount(content) + content }

  private static func pairBytes(_ label: Label) -> Int {
    fieldBytes(label.name.utf8.count) + fieldBytes(label.value.utf8.count)
  }

  @inline(__always)
  private static func parts(_ timestamp: Int64) -> (seconds: Int64, nanoseconds: Int64) {
    let (quotient, remainder) = timestamp.quotientAndRemainder(dividingBy: 1_000_000_000)
    return remainder < 0 ? (quotient - 1, remainder + 1_000_000_000) : (quotient, remainder)
  }

  @inline(__always)
  private static func timestampBytes(_ timestamp: Int64) -> Int {
    let (seconds, nanoseconds) = parts(timestamp)
    return (seconds == 0 ? 0 : 1 + Varint.byteCount(UInt64(bitPattern: seconds)))
      + (nanoseconds == 0 ? 0 : 1 + Varint.byteCount(UInt64(bitPattern: nanoseconds)))
  }

  @inline(__always)
  private mutating func key(_ field: Int, _ length: Int) {
    out.base.storeBytes(of: UInt8(truncatingIfNeeded: field << 3 | 2), toByteOffset: out.count, as: UInt8.self)
    out.count = Varint.store(UInt64(length), at: out.base + (out.count + 1)) - out.base
  }

  @inline(__always)
  private mutating func number(_ field: Int, _ value: Int64) {
    guard value != 0 else { return }
    out.base.storeBytes(of: UInt8(truncatingIfNeeded: field << 3), toByteOffset: out.count, as: UInt8.self)
    out.count = Varint.store(UInt64(bitPattern: value), at: out.base + (out.count + 1)) - out.base
  }

  @inline(__always)
  private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
    if let source = bytes.baseAddress { (out.base + out.count).copyMemory(from: source, byteCount: bytes.count) }
    out.count += bytes.count
  }

  private mutating func copy(_ text: String) {
    var text = text
    text.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
  }
}
