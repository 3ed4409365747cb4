import Codec
import Model

/// Lays a remote write message out in columns. Everything but the labels is checked; fields that are not known are passed over.
///
/// A receiver gets the same series again and again, so what a sample costs is what this loop costs: the fields that every message has are read in place, and
/// everything that looks otherwise goes through `ProtobufReader`.
public struct RemoteWriteScanner {
  let limits: RemoteWriteLimits
  let version: RemoteWriteVersion
  var columns = RemoteWriteColumns()
  private var items = 0
  private var things = 0

  /// What an exemplar or a family's metadata counts, since two bytes of a message are enough for one and it takes several times the memory of a sample.
  static let largeItem = 8

  /// Throws when the bytes are not such a message, or hold more than the limits allow.
  public static func scan(
    _ message: [UInt8], as version: RemoteWriteVersion, _ limits: RemoteWriteLimits = .init()
  ) throws(WireError) -> RemoteWriteColumns {
    guard message.count <= limits.messageBytes, message.count < Int(UInt32.max) else {
      throw WireError(.tooLarge, "message: \(message.count) bytes, at most \(limits.messageBytes)")
    }
    var scanner = RemoteWriteScanner(limits: limits, version: version)
    let bytes = message.span.bytes
    switch version {
    case .v1: try scanner.request(bytes)
    case .v2: try scanner.symbolicRequest(bytes)
    }
    return scanner.columns
  }

  private init(limits: RemoteWriteLimits, version: RemoteWriteVersion) {
    self.limits = limits
    self.version = version
  }

  @inline(__always)
  mutating func count(_ more: Int = 1, at: Int) throws(WireError) {
    items &+= more
    guard items <= limits.items else {
      throw WireError(
        .tooLarge,
        "message: more than \(limits.items) samples, histograms with their buckets, exemplars and references",
        at: at)
    }
  }

  /// Of series, samples and exemplars that are not written as nearly all senders write them: each has eight bytes in truth, but an empty one two, and fifty times as much in memory.
  mutating func countThing(at: Int) throws(WireError) {
    things &+= 1
    guard things <= WireDensity.limit(at: at, bytesEach: 8) else {
      throw WireError(
        .tooLarge, "message: \(things) series, samples and exemplars in \(at) bytes, which is too many", at: at)
    }
  }

  private mutating func request(_ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.Request
    var reader = ProtobufReader(offset: 0, end: bytes.byteCount)
    columns.series.reserveCapacity(min(bytes.byteCount / 128, limits.series))
    columns.samples.reserveCapacity(min(bytes.byteCount / 128, limits.series))
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("message", in: bytes) else { return }
      switch number {
      case Fields.series:
        try beginSeries(at)
        try series(try value.bytes("time series", at: at), bytes)
      case Fields.metadata:
        try count(Self.largeItem, at: at)
        try countThing(at: at)
        columns.metadata.append(
          try RemoteWriteDecoder.metadata(try value.bytes("metadata", at: at), bytes, repairing: true))
      case RemoteWriteFields.SymbolicRequest.symbol, RemoteWriteFields.SymbolicRequest.series:
        throw WireError(.malformed, "message: field \(number), which is remote write 2.0's and not 1.0's", at: at)
      default: continue
      }
    }
  }

  mutating func beginSeries(_ at: Int) throws(WireError) {
    try countThing(at: at)
    guard columns.series.count < limits.series else {
      throw WireError(.tooLarge, "message: more than \(limits.series) time series", at: at)
    }
  }

  private mutating func series(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.Series
    var reader = reader
    let index = columns.series.count
    var labels: RemoteWriteColumns.Part?
    var areScattered = false
    while !reader.isAtEnd {
      let at = reader.offset
      if reader.skipShort(RemoteWriteFields.bytesKey(Fields.label), in: bytes) {
        Self.extend(&labels, at, reader.offset, &areScattered)
        continue
      }
      if let sample = reader.shortSample(in: bytes) {
        try count(at: at)
        columns.samples.append(sample)
        continue
      }
      guard let (number, value) = try reader.field("time series", in: bytes) else { break }
      switch number {
      case Fields.label:
        _ = try value.bytes("label", at: at)
        Self.extend(&labels, at, reader.offset, &areScattered)
      case Fields.sample: try sample(try value.bytes("sample", at: at), index, bytes)
      case Fields.exemplar: try exemplar(try value.bytes("exemplar", at: at), index, bytes)
      case Fields.histogram: try histogram(try value.bytes("histogram", at: at), index, bytes)
      default: continue
      }
    }
    columns.series.append(
      .init(
        labels: labels ?? .init(start: 0, end: 0), samplesEnd: UInt32(columns.samples.count),
        labelsAreScattered: areScattered))
  }

  @inline(__always)
  private static func extend(
    _ labels: inout RemoteWriteColumns.Part?, _ start: Int, _ end: Int, _ areScattered: inout Bool
  ) {
    guard let before = labels else {
      labels = .init(start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end))
      return
    }
    if Int(before.end) != start { areScattered = true }
    labels?.end = UInt32(truncatingIfNeeded: end)
  }

  mutating func sample(_ reader: ProtobufReader, _ series: Int, _ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.Sample
    var reader = reader
    try count(at: reader.offset)
    try countThing(at: reader.offset)
    var sample = RemoteWriteRequest.Sample(timestamp: UnixMilliseconds(0), valueBits: 0)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("sample", in: bytes) else { break }
      switch number {
      case Fields.value: sample.valueBits = try value.double("sample value", at: at)
      case Fields.timestamp:
        sample.timestamp = UnixMilliseconds(Int64(bitPattern: try value.integer("sample timestamp", at: at)))
      case Fields.start where version == .v2: began(series, try value.integer("sample start timestamp", at: at))
      default: continue
      }
    }
    columns.samples.append(sample)
  }

  /// Notes when a series began; of several times the last one counts.
  mutating func began(_ series: Int, _ bits: UInt64) {
    guard bits != 0 else { return }
    if columns.created.last?.series == series { columns.created.removeLast() }
    columns.created.append(.init(series: series, time: UnixMilliseconds(Int64(bitPattern: bits))))
  }

  mutating func histogram(_ reader: ProtobufReader, _ series: Int, _ bytes: RawSpan) throws(WireError) {
    guard columns.histograms.count < limits.histograms else {
      throw WireError(.tooLarge, "message: more than \(limits.histograms) histograms", at: reader.offset)
    }
    try countThing(at: reader.offset)
    // A byte may become a bucket of eight.
    try count(1 + reader.count, at: reader.offset)
    var reading = HistogramReading(limitBuckets: limits.histogramBuckets)
    columns.histograms.append(.init(series: series, sample: try reading.read(reader, bytes)))
    if version == .v2 { began(series, reading.start) }
  }

  private mutating func exemplar(_ reader: ProtobufReader, _ series: Int, _ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.Exemplar
    let part = RemoteWriteColumns.Part(start: UInt32(reader.offset), end: UInt32(reader.end))
    var reader = reader
    try count(Self.largeItem, at: reader.offset)
    try countThing(at: reader.offset)
    var valueBits: UInt64 = 0
    var time: UInt64 = 0
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("exemplar", in: bytes) else { break }
      switch number {
      // Looked at already here, so that a message which is none is refused before anything of it is taken.
      case Fields.label: _ = try RemoteWriteLabelReading.pair(try value.bytes("exemplar label", at: at), bytes)
      case Fields.value: valueBits = try value.double("exemplar value", at: at)
      case Fields.timestamp: time = try value.integer("exemplar timestamp", at: at)
      default: continue
      }
    }
    append(exemplar: part, series, valueBits, time)
  }

  mutating func append(exemplar labels: RemoteWriteColumns.Part, _ series: Int, _ valueBits: UInt64, _ time: UInt64) {
    columns.exemplars.append(
      .init(
        series: series, labels: labels, valueBits: valueBits,
        timestamp: time == 0 ? nil : UnixMilliseconds(Int64(bitPattern: time))))
  }
}
