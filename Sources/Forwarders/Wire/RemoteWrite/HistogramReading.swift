import Codec
import Model

/// Reads one native histogram, whose fields come in any order and decide together whether it holds integers or floats.
struct HistogramReading {
  private typealias Field = RemoteWriteFields.Histogram
  private let limitBuckets: Int

  private var isFloat = false
  private var count: UInt64 = 0
  private var countBits: UInt64 = 0
  private var zeroCount: UInt64 = 0
  private var zeroCountBits: UInt64 = 0
  private var histogram = NativeHistogram(
    schema: 0, zeroThreshold: 0, sum: 0,
    counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [], negativeDeltas: []))
  private var positiveDeltas: [Int64] = []
  private var negativeDeltas: [Int64] = []
  private var positiveCounts: [UInt64] = []
  private var negativeCounts: [UInt64] = []
  private var time: Int64 = 0
  /// The bits of the time at which it began, 0 when it does not say; remote write 2.0 only.
  private(set) var start: UInt64 = 0

  init(limitBuckets: Int) { self.limitBuckets = limitBuckets }

  mutating func read(
    _ reader: ProtobufReader, _ bytes: RawSpan
  ) throws(WireError) -> RemoteWriteRequest.HistogramSample {
    var reader = reader
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("histogram", in: bytes) else { break }
      try take(number, value, at, bytes)
    }
    histogram.counts =
      isFloat
      ? .float(
        countBits: countBits, zeroCountBits: zeroCountBits, positiveBits: positiveCounts, negativeBits: negativeCounts)
      : .integer(
        count: count, zeroCount: zeroCount, positiveDeltas: positiveDeltas, negativeDeltas: negativeDeltas)
    return .init(timestamp: UnixMilliseconds(time), histogram: histogram)
  }

  private mutating func take(
    _ number: Int, _ value: ProtobufReader.Value, _ at: Int, _ bytes: RawSpan
  ) throws(WireError) {
    switch number {
    case Field.countInteger:
      isFloat = false
      count = try value.integer("histogram count", at: at)
    case Field.countFloat:
      isFloat = true
      countBits = try value.double("histogram count", at: at)
    case Field.sum: histogram.sumBits = try value.double("histogram sum", at: at)
    case Field.schema: histogram.schema = try narrow(value, at, "histogram schema")
    case Field.zeroThreshold: histogram.zeroThresholdBits = try value.double("histogram zero threshold", at: at)
    case Field.zeroCountInteger: zeroCount = try value.integer("histogram zero count", at: at)
    case Field.zeroCountFloat: zeroCountBits = try value.double("histogram zero count", at: at)
    case Field.negativeSpans: try span(value, at, bytes, &histogram.negativeSpans)
    case Field.negativeDeltas: try deltas(value, at, bytes, &negativeDeltas)
    case Field.negativeCounts: try doubles(value, at, bytes, &negativeCounts)
    case Field.positiveSpans: try span(value, at, bytes, &histogram.positiveSpans)
    case Field.positiveDeltas: try deltas(value, at, bytes, &positiveDeltas)
    case Field.positiveCounts: try doubles(value, at, bytes, &positiveCounts)
    case Field.resetHint:
      let hint = try value.integer("histogram reset hint", at: at)
      guard hint <= 3 else { throw WireError(.malformed, "histogram reset hint: \(hint), at most 3", at: at) }
      histogram.resetHint = UInt8(hint)
    case Field.timestamp: time = Int64(bitPattern: try value.integer("histogram timestamp", at: at))
    case Field.start: start = try value.integer("histogram start timestamp", at: at)
    case Field.customValues: try doubles(value, at, bytes, &histogram.customBoundBits)
    default: return
    }
  }

  private func narrow(_ value: ProtobufReader.Value, _ at: Int, _ what: StaticString) throws(WireError) -> Int32 {
    let wide = ZigZag.decode(try value.integer(what, at: at))
    guard let narrow = Int32(exactly: wide) else { throw WireError(.malformed, "\(what): \(wide)", at: at) }
    return narrow
  }

  private func check(_ count: Int, _ at: Int) throws(WireError) {
    guard count < limitBuckets else {
      throw WireError(.tooLarge, "histogram: more than \(limitBuckets) buckets, spans or bounds", at: at)
    }
  }

  private func span(
    _ value: ProtobufReader.Value, _ at: Int, _ bytes: RawSpan, _ spans: inout [NativeHistogram.Span]
  ) throws(WireError) {
    try check(spans.count, at)
    var reader = try value.bytes("bucket span", at: at)
    var span = NativeHistogram.Span(offset: 0, length: 0)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("bucket span", in: bytes) else { break }
      switch number {
      case RemoteWriteFields.Span.offset: span.offset = try narrow(value, at, "bucket span offset")
      case RemoteWriteFields.Span.length:
        let length = try value.integer("bucket span length", at: at)
        guard let narrow = UInt32(exactly: length) else {
          throw WireError(.malformed, "bucket span length: \(length)", at: at)
        }
        span.length = narrow
      default: continue
      }
    }
    spans.append(span)
  }

  /// Packed, as everybody writes them, or one by one, which protobuf allows as well.
  private func deltas(
    _ value: ProtobufReader.Value, _ at: Int, _ bytes: RawSpan, _ deltas: inout [Int64]
  ) throws(WireError) {
    if case .bytes(var packed) = value {
      while !packed.isAtEnd {
        try check(deltas.count, at)
        deltas.append(ZigZag.decode(try packed.varint("bucket delta", in: bytes)))
      }
    } else {
      try check(deltas.count, at)
      deltas.append(ZigZag.decode(try value.integer("bucket delta", at: at)))
    }
  }

  private func doubles(
    _ value: ProtobufReader.Value, _ at: Int, _ bytes: RawSpan, _ doubles: inout [UInt64]
  ) throws(WireError) {
    if case .bytes(var packed) = value {
      while !packed.isAtEnd {
        try check(doubles.count, at)
        doubles.append(try packed.fixed(UInt64.self, "bucket count or bound", in: bytes))
      }
    } else {
      try check(doubles.count, at)
      doubles.append(try value.double("bucket count or bound", at: at))
    }
  }
}
