import Codec
import Model

/// The messages that are too rare to be written in place: exemplars and native histograms.
enum RemoteWriteMessages {
  static func append(_ message: [UInt8], _ field: Int, to out: inout WireBuffer) {
    var head = ByteWriter(reserving: 11)
    head.byte(RemoteWriteFields.bytesKey(field))
    head.varint(message.count)
    out.append(head.bytes)
    out.append(message)
  }

  static func exemplar(_ exemplar: Exemplar, time: Int64) -> [UInt8] {
    typealias Field = RemoteWriteFields.Exemplar
    var out = ByteWriter(reserving: 96)
    for label in exemplar.labels.pairs { LabelTemplate.write(label, Field.label, into: &out) }
    double(exemplar.valueBits, Field.value, into: &out)
    integer(UInt64(bitPattern: time), Field.timestamp, into: &out)
    return out.bytes
  }

  static func histogram(_ histogram: NativeHistogram, time: Int64) -> [UInt8] {
    typealias Field = RemoteWriteFields.Histogram
    var out = ByteWriter(reserving: 256)
    // One of two fields says by being there which kind it is, so a zero is written, too.
    switch histogram.counts {
    case .integer(let count, _, _, _):
      out.byte(RemoteWriteFields.varintKey(Field.countInteger))
      out.varint(count)
    case .float(let count, _, _, _):
      out.byte(RemoteWriteFields.fixedKey(Field.countFloat))
      out.fixed(count)
    }
    double(histogram.sumBits, Field.sum, into: &out)
    integer(ZigZag.encode(Int64(histogram.schema)), Field.schema, into: &out)
    double(histogram.zeroThresholdBits, Field.zeroThreshold, into: &out)
    switch histogram.counts {
    case .integer(_, let zeroCount, let positive, let negative):
      out.byte(RemoteWriteFields.varintKey(Field.zeroCountInteger))
      out.varint(zeroCount)
      spans(histogram.negativeSpans, Field.negativeSpans, into: &out)
      deltas(negative, Field.negativeDeltas, into: &out)
      spans(histogram.positiveSpans, Field.positiveSpans, into: &out)
      deltas(positive, Field.positiveDeltas, into: &out)
    case .float(_, let zeroCount, let positive, let negative):
      out.byte(RemoteWriteFields.fixedKey(Field.zeroCountFloat))
      out.fixed(zeroCount)
      spans(histogram.negativeSpans, Field.negativeSpans, into: &out)
      doubles(negative, Field.negativeCounts, into: &out)
      spans(histogram.positiveSpans, Field.positiveSpans, into: &out)
      doubles(positive, Field.positiveCounts, into: &out)
    }
    integer(UInt64(histogram.resetHint), Field.resetHint, into: &out)
    integer(UInt64(bitPattern: time), Field.timestamp, into: &out)
    doubles(histogram.customBoundBits, Field.customValues, into: &out)
    return out.bytes
  }

  private static func integer(_ value: UInt64, _ field: Int, into out: inout ByteWriter) {
    guard value != 0 else { return }
    out.byte(RemoteWriteFields.varintKey(field))
    out.varint(value)
  }

  private static func double(_ bits: UInt64, _ field: Int, into out: inout ByteWriter) {
    guard bits != 0 else { return }
    out.byte(RemoteWriteFields.fixedKey(field))
    out.fixed(bits)
  }

  private static func spans(_ spans: [NativeHistogram.Span], _ field: Int, into out: inout ByteWriter) {
    for span in spans {
      var inner = ByteWriter(reserving: 12)
      integer(ZigZag.encode(Int64(span.offset)), RemoteWriteFields.Span.offset, into: &inner)
      integer(UInt64(span.length), RemoteWriteFields.Span.length, into: &inner)
      out.byte(RemoteWriteFields.bytesKey(field))
      out.prefixed(inner.bytes)
    }
  }

  private static func deltas(_ deltas: [Int64], _ field: Int, into out: inout ByteWriter) {
    guard !deltas.isEmpty else { return }
    var inner = ByteWriter(reserving: deltas.count * 2)
    for delta in deltas { inner.zigzag(delta) }
    key(field, into: &out)
    out.prefixed(inner.bytes)
  }

  private static func doubles(_ bits: [UInt64], _ field: Int, into out: inout ByteWriter) {
    guard !bits.isEmpty else { return }
    key(field, into: &out)
    out.varint(bits.count * 8)
    for one in bits { out.fixed(one) }
  }

  /// A key that may take two bytes: 16 × 8 is past 127.
  private static func key(_ field: Int, into out: inout ByteWriter) { out.varint(field << 3 | 2) }
}
