import Model

/// Native histograms: varint count; for each varint row, varint series, zigzag time less the header's smallest, then
/// one byte kind (0 integer, 1 float), one byte reset hint, zigzag schema, 8 bytes zero threshold, 8 bytes sum, the counts (integer: varint count,
/// varint zero count; float: 8 bytes each), positive then negative spans (varint count; zigzag offset, varint length),
/// positive then negative buckets (varint count; integer: zigzag deltas, float: 8 bytes each), custom bounds (varint count; 8 bytes each).
enum HistogramSection {
  typealias Item = GroupExtras.Item<MetricExtras.HistogramSample>

  static func write(_ items: [Item], _ smallestTime: Int64) -> ByteWriter {
    var out = ByteWriter()
    out.varint(items.count)
    for item in items {
      let histogram = item.value.histogram
      out.varint(item.row)
      out.varint(UInt64(item.value.series))
      out.zigzag(item.value.timestamp.rawValue &- smallestTime)
      if case .integer = histogram.counts { out.byte(0) } else { out.byte(1) }
      out.byte(histogram.resetHint)
      out.zigzag(Int64(histogram.schema))
      out.fixed(histogram.zeroThresholdBits)
      out.fixed(histogram.sumBits)
      switch histogram.counts {
      case .integer(let count, let zeroCount, _, _):
        out.varint(count)
        out.varint(zeroCount)
      case .float(let count, let zeroCount, _, _):
        out.fixed(count)
        out.fixed(zeroCount)
      }
      for spans in [histogram.positiveSpans, histogram.negativeSpans] {
        out.varint(spans.count)
        for span in spans {
          out.zigzag(Int64(span.offset))
          out.varint(UInt64(span.length))
        }
      }
      switch histogram.counts {
      case .integer(_, _, let positive, let negative):
        for deltas in [positive, negative] {
          out.varint(deltas.count)
          for delta in deltas { out.zigzag(delta) }
        }
      case .float(_, _, let positive, let negative):
        for buckets in [positive, negative] { words(buckets, into: &out) }
      }
      words(histogram.customBoundBits, into: &out)
    }
    return out
  }

  private static func words(_ values: [UInt64], into out: inout ByteWriter) {
    out.varint(values.count)
    for value in values { out.fixed(value) }
  }

  static func read(
    _ reader: ByteReader, _ frame: GroupFrame, in payload: RawSpan
  ) throws(FormatError) -> [Item] {
    var reader = reader
    if reader.isAtEnd { return [] }
    // Every histogram takes more than 24 bytes, so the count cannot make us allocate more than the payload holds.
    let count = try reader.count("histograms", limit: reader.remaining / 24, in: payload)
    var items: [Item] = []
    items.reserveCapacity(count)
    for _ in 0..<count {
      let (row, series) = try frame.cell(&reader, "histogram", in: payload)
      let time = frame.smallestTime &+ (try reader.zigzag("histogram", in: payload))
      let isFloat = try reader.byte("histogram", in: payload)
      guard isFloat <= 1 else { throw FormatError(.inconsistent, "histogram: kind \(isFloat)", at: reader.offset) }
      let resetHint = try reader.byte("histogram", in: payload)
      let schema = try reader.zigzag("histogram", in: payload)
      guard let schema = Int32(exactly: schema) else {
        throw FormatError(.inconsistent, "histogram: schema \(schema)", at: reader.offset)
      }
      let threshold = try reader.fixed(UInt64.self, "histogram", in: payload)
      let sum = try reader.fixed(UInt64.self, "histogram", in: payload)
      var count: UInt64 = 0
      var zeroCount: UInt64 = 0
      if isFloat == 1 {
        count = try reader.fixed(UInt64.self, "histogram", in: payload)
        zeroCount = try reader.fixed(UInt64.self, "histogram", in: payload)
      } else {
        count = try reader.varint("histogram", in: payload)
        zeroCount = try reader.varint("histogram", in: payload)
      }
      let positiveSpans = try spans(&reader, in: payload)
      let negativeSpans = try spans(&reader, in: payload)
      let counts: NativeHistogram.Counts
      if isFloat == 1 {
        let positive = try words(&reader, in: payload)
        let negative = try words(&reader, in: payload)
        counts = .float(
          countBits: count, zeroCountBits: zeroCount, positiveBits: positive, negativeBits: negative)
      } else {
        let positive = try deltas(&reader, in: payload)
        let negative = try deltas(&reader, in: payload)
        counts = .integer(count: count, zeroCount: zeroCount, positiveDeltas: positive, negativeDeltas: negative)
      }
      let bounds = try words(&reader, in: payload)
      let histogram = NativeHistogram(
        resetHint: resetHint, schema: schema, zeroThreshold: Double(bitPattern: threshold),
        sum: Double(bitPattern: sum), counts: counts, positiveSpans: positiveSpans, negativeSpans: negativeSpans,
        customBounds: bounds.map { Double(bitPattern: $0) })
      items.append(
        Item(
          row: row,
          value: .init(series: UInt32(series), timestamp: UnixMilliseconds(time), histogram: histogram)))
    }
    try reader.finish("histograms")
    return items
  }

  private static func limit(_ reader: ByteReader, bytesEach: Int) -> Int {
    min(FormatLimits.histogramBuckets, reader.remaining / bytesEach)
  }

  private static func spans(_ reader: inout ByteReader, in payload: RawSpan) throws(FormatError) -> [NativeHistogram
    .Span]
  {
    let count = try reader.count("histogram spans", limit: limit(reader, bytesEach: 2), in: payload)
    var spans: [NativeHistogram.Span] = []
    spans.reserveCapacity(count)
    for _ in 0..<count {
      let offset = try reader.zigzag("histogram span", in: payload)
      let length = try reader.varint("histogram span", in: payload)
      guard let offset = Int32(exactly: offset), let length = UInt32(exactly: length) else {
        throw FormatError(.inconsistent, "histogram span: offset \(offset), length \(length)", at: reader.offset)
      }
      spans.append(.init(offset: offset, length: length))
    }
    return spans
  }

  private static func deltas(_ reader: inout ByteReader, in payload: RawSpan) throws(FormatError) -> [Int64] {
    let count = try reader.count("histogram buckets", limit: limit(reader, bytesEach: 1), in: payload)
    var deltas: [Int64] = []
    deltas.reserveCapacity(count)
    for _ in 0..<count { deltas.append(try reader.zigzag("histogram bucket", in: payload)) }
    return deltas
  }

  private static func words(_ reader: inout ByteReader, in payload: RawSpan) throws(FormatError) -> [UInt64] {
    let count = try reader.count("histogram buckets", limit: limit(reader, bytesEach: 8), in: payload)
    var words: [UInt64] = []
    words.reserveCapacity(count)
    for _ in 0..<count { words.append(try reader.fixed(UInt64.self, "histogram bucket", in: payload)) }
    return words
  }
}

extension NativeHistogram {
  /// Whether the format can hold it.
  var isWithinLimits: Bool {
    let buckets: (Int, Int)
    switch counts {
    case .integer(_, _, let positive, let negative): buckets = (positive.count, negative.count)
    case .float(_, _, let positive, let negative): buckets = (positive.count, negative.count)
    }
    return [buckets.0, buckets.1, positiveSpans.count, negativeSpans.count, customBoundBits.count]
      .allSatisfy { $0 <= FormatLimits.histogramBuckets }
  }

  /// More than what it takes in a payload.
  var limitBytes: Int {
    let buckets: Int
    switch counts {
    case .integer(_, _, let positive, let negative): buckets = positive.count + negative.count
    case .float(_, _, let positive, let negative): buckets = positive.count + negative.count
    }
    return 128 + buckets * 10 + (positiveSpans.count + negativeSpans.count) * 10 + customBoundBits.count * 8
  }
}

/// Exemplars: varint count; for each varint row, varint series, varint labels, each name and value as varint length and UTF-8,
/// 8 bytes value, one byte whether there is a timestamp, and then zigzag milliseconds less the header's smallest time.
enum ExemplarSection {
  typealias Item = GroupExtras.Item<MetricExtras.SeriesExemplar>

  static func write(_ items: [Item], _ smallestTime: Int64) -> ByteWriter {
    var out = ByteWriter()
    out.varint(items.count)
    for item in items {
      out.varint(item.row)
      out.varint(UInt64(item.value.series))
      let exemplar = item.value.exemplar
      out.varint(exemplar.labels.pairs.count)
      for label in exemplar.labels.pairs {
        out.string(label.name)
        out.string(label.value)
      }
      out.fixed(exemplar.valueBits)
      out.byte(exemplar.timestamp == nil ? 0 : 1)
      if let timestamp = exemplar.timestamp { out.zigzag(timestamp.rawValue &- smallestTime) }
    }
    return out
  }

  static func read(_ reader: ByteReader, _ frame: GroupFrame, in payload: RawSpan) throws(FormatError) -> [Item] {
    var reader = reader
    if reader.isAtEnd { return [] }
    let count = try reader.count("exemplars", limit: reader.remaining / 12, in: payload)
    var items: [Item] = []
    items.reserveCapacity(count)
    for _ in 0..<count {
      let (row, series) = try frame.cell(&reader, "exemplar", in: payload)
      let labelCount = try reader.count(
        "exemplar labels", limit: min(FormatLimits.seriesLabels, reader.remaining / 2), in: payload)
      var labels: [Label] = []
      labels.reserveCapacity(labelCount)
      for _ in 0..<labelCount {
        let name = try reader.string("exemplar label", in: payload)
        labels.append(Label(name, try reader.string("exemplar label", in: payload)))
      }
      let ordered = Labels(labels)
      guard ordered.pairs == labels else {
        throw FormatError(.inconsistent, "exemplar: labels twice or not in order", at: reader.offset)
      }
      let bits = try reader.fixed(UInt64.self, "exemplar", in: payload)
      let hasTime = try reader.byte("exemplar", in: payload)
      guard hasTime <= 1 else { throw FormatError(.inconsistent, "exemplar: flag \(hasTime)", at: reader.offset) }
      var time: UnixMilliseconds?
      if hasTime == 1 { time = UnixMilliseconds(frame.smallestTime &+ (try reader.zigzag("exemplar", in: payload))) }
      items.append(
        Item(
          row: row,
          value: .init(
            series: UInt32(series),
            exemplar: Exemplar(labels: ordered, value: Double(bitPattern: bits), timestamp: time))))
    }
    try reader.finish("exemplars")
    return items
  }
}

/// Structured metadata of log entries: varint symbols, each varint length and UTF-8; then for each entry varint labels, and for each
/// varint symbol of the name, varint length and UTF-8 of the value.
enum MetadataSection {
  static func write(_ metadata: [[Label]]) -> ByteWriter {
    var names = Interner<ByteString>()
    var entries = ByteWriter()
    for labels in metadata {
      entries.varint(labels.count)
      for label in labels {
        entries.varint(names.index(of: ByteString(label.name)))
        entries.string(label.value)
      }
    }
    var out = ByteWriter(reserving: entries.count + 64)
    out.varint(names.items.count)
    for name in names.items { out.string(name.string) }
    out.raw(entries.bytes)
    return out
  }

  static func read(_ reader: ByteReader, entries: Int, in payload: RawSpan) throws(FormatError) -> [[Label]] {
    var reader = reader
    if reader.isAtEnd { return [] }
    // Names are there because labels use them, and a label takes two bytes.
    let symbolCount = try reader.count(
      "metadata symbols", limit: min(FormatLimits.entryLabels, reader.remaining / 3), in: payload)
    var symbols: [String] = []
    symbols.reserveCapacity(symbolCount)
    var total = 0
    for _ in 0..<symbolCount { symbols.append(try reader.string("metadata symbol", in: payload)) }
    var metadata: [[Label]] = []
    metadata.reserveCapacity(entries)
    for _ in 0..<entries {
      let count = try reader.count("metadata labels", limit: reader.remaining / 2, in: payload)
      total += count
      guard total <= FormatLimits.entryLabels else {
        throw FormatError(
          .tooLarge, "metadata: more than \(FormatLimits.entryLabels) labels", at: reader.offset)
      }
      var labels: [Label] = []
      labels.reserveCapacity(count)
      for _ in 0..<count {
        let at = reader.offset
        let symbol = try reader.count("metadata name", limit: FormatLimits.blockPayloadBytes, in: payload)
        guard symbol < symbols.count else {
          throw FormatError(.inconsistent, "metadata: symbol \(symbol) of \(symbols.count)", at: at)
        }
        labels.append(Label(symbols[symbol], try reader.string("metadata value", in: payload)))
      }
      metadata.append(labels)
    }
    try reader.finish("metadata")
    return metadata
  }
}
