import Codec
import Model

/// What goes into a message besides float samples.
public struct RemoteWriteOptions: Sendable, Equatable {
  public var exemplars = true
  public var nativeHistograms = true

  public init() {}
}

/// What a message holds.
public struct RemoteWriteCounts: Sendable, Equatable {
  public var series = 0
  public var samples = 0
  public var histograms = 0
  public var exemplars = 0

  public init() {}
}

/// Makes remote write 1.0 messages of blocks, straight from their columns: no object and no text for a sample. One owner, memory kept.
///
/// The samples of a series in all blocks of a delivery stand together in one TimeSeries, in the order of time, so that its labels are written once;
/// see ``RemoteWriteBundles`` for what belongs together. A series without a sample is left out. Values keep their bits, the staleness marker among
/// them. The same delivery gives the same bytes.
public struct RemoteWriteEncoder: ~Copyable {
  /// Memory of that much is kept for the next message.
  private static let keptBytes = 64 << 10
  /// What is compressed at once; a multiple of snappy's own 64 KiB.
  private static let pieceBytes = 256 << 10

  private let opener: BlockOpener
  var out = WireBuffer()
  var walker = LabelWalker()
  var tile = MatrixTile()
  var counts = RemoteWriteCounts()
  private var pieces = SnappyPieces()
  /// Whether the message is compressed while it is made.
  private var isCompressing = false

  /// Throws when there is no memory.
  public init() throws(FormatError) { opener = try BlockOpener() }

  /// Makes the message of a delivery. Throws when a block or table cannot be read.
  public mutating func encode(
    _ delivery: Delivery, _ templates: LabelTemplates, _ options: RemoteWriteOptions = .init()
  ) throws(FormatError) -> RemoteWriteCounts {
    try encode(try RemoteWriteBundles(delivery, opener), templates, options)
  }

  /// The message of a delivery as the body of a request, compressed while it is made, so that no more than a piece of it is in memory; nil when it
  /// would have no series. Throws when a block or table cannot be read.
  public mutating func body(
    of delivery: Delivery, _ templates: LabelTemplates, _ options: RemoteWriteOptions = .init()
  ) throws(FormatError) -> [UInt8]? {
    isCompressing = true
    defer { isCompressing = false }
    pieces.removeAll(keptBytes: Self.keptBytes)
    guard try encode(delivery, templates, options).series > 0 else { return nil }
    out.withBytes { rest in rest.withUnsafeBytes { pieces.append($0) } }
    out.removeAll(keptBytes: Self.keptBytes)
    return pieces.finish(keptBytes: Self.keptBytes)
  }

  /// Compresses the whole pieces that are finished.
  @inline(never)
  private mutating func compressPieces() {
    let whole = out.count / Self.pieceBytes * Self.pieceBytes
    for start in stride(from: 0, to: whole, by: Self.pieceBytes) {
      pieces.append(UnsafeRawBufferPointer(start: out.base + start, count: Self.pieceBytes))
    }
    out.removeFirst(whole)
  }

  /// Makes the message of opened blocks.
  public mutating func encode(
    _ bundles: RemoteWriteBundles, _ templates: LabelTemplates, _ options: RemoteWriteOptions = .init()
  ) throws(FormatError) -> RemoteWriteCounts {
    out.removeAll(keptBytes: Self.keptBytes)
    tile.removeAll(keptBytes: Self.keptBytes)
    counts = RemoteWriteCounts()
    for bundle in bundles.bundles {
      var parts: [LabelTemplate] = []
      for table in bundle.tables { parts.append(try templates.template(of: table)) }
      if bundle.loose.isEmpty {
        var extras = SeriesExtras(bundle.matrices, options)
        write(bundle.matrices, parts, &extras)
      } else {
        var extras = SeriesExtras(bundle.loose, options)
        write(bundle.loose, parts, &extras)
      }
    }
    return counts
  }

  /// Calls `body` with the message made last, uncompressed.
  public func withMessage<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result { try out.withBytes(body) }

}

/// Where a time series that is being written begins.
struct OpenSeries {
  let start: Int
  /// Bytes left free for the length.
  let lengthBytes: Int
  /// Where the content begins.
  var content: Int { start + 1 + lengthBytes }
}

extension RemoteWriteEncoder {
  /// The longest sample: key, length, key, value, key, timestamp.
  static let sampleBytes = 2 + 9 + 11

  /// Begins a time series with the walker's labels and makes room for so many samples.
  @inline(__always)
  mutating func begin(samples: Int) -> OpenSeries {
    let bound = walker.count + samples * Self.sampleBytes
    out.reserve(bound + 16)
    let series = OpenSeries(start: out.count, lengthBytes: Varint.byteCount(bound))
    out.base.storeBytes(
      of: RemoteWriteFields.bytesKey(RemoteWriteFields.Request.series), toByteOffset: out.count, as: UInt8.self)
    (out.base + series.content).copyMemory(from: walker.base, byteCount: walker.count)
    out.count = series.content + walker.count
    return series
  }

  /// Writes the histograms and exemplars, then the length, now that it is known.
  @inline(__always)
  mutating func end(_ series: OpenSeries, index: Int, _ extras: inout SeriesExtras) {
    if !extras.isAtEnd { extras.write(index, into: &out, &counts) }
    counts.series += 1
    let length = out.count - series.content
    let needed = Varint.byteCount(length)
    if needed != series.lengthBytes {
      // The samples took far less than the bound, or histograms more.
      out.reserve(needed)
      (out.base + (series.start + 1 + needed)).copyMemory(from: out.base + series.content, byteCount: length)
      out.count += needed - series.lengthBytes
    }
    _ = Varint.store(UInt64(length), at: out.base + (series.start + 1))
    if isCompressing, out.count >= Self.pieceBytes { compressPieces() }
  }

  /// Writes samples with a time each.
  @inline(__always)
  mutating func samples(_ bits: UnsafePointer<UInt64>, _ times: UnsafePointer<Int64>, _ count: Int) {
    var at = out.base + out.count
    for index in 0..<count {
      let start = at
      at += 2
      if bits[index] != 0 {
        at.storeBytes(of: RemoteWriteFields.fixedKey(RemoteWriteFields.Sample.value), as: UInt8.self)
        (at + 1).storeBytes(of: bits[index].littleEndian, as: UInt64.self)
        at += 9
      }
      if times[index] != 0 {
        at.storeBytes(of: RemoteWriteFields.varintKey(RemoteWriteFields.Sample.timestamp), as: UInt8.self)
        at = Varint.store(UInt64(bitPattern: times[index]), at: at + 1)
      }
      start.storeBytes(of: RemoteWriteFields.bytesKey(RemoteWriteFields.Series.sample), as: UInt8.self)
      (start + 1).storeBytes(of: UInt8(truncatingIfNeeded: at - start - 2), as: UInt8.self)
    }
    out.count = at - out.base
    counts.samples += count
  }
}
