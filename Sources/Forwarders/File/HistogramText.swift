import Model

/// A native histogram as a JSON object, with the fields of `prometheus.Histogram` in remote write: spans are pairs of offset and length; an integer
/// histogram has bucket deltas, a float histogram bucket counts.
enum HistogramText {
  static func append(_ histogram: NativeHistogram, to out: inout [UInt8]) {
    JSONText.append(raw: #"{"schema":"#, to: &out)
    JSONText.append(histogram.schema, to: &out)
    JSONText.append(raw: #","sum":"#, to: &out)
    JSONText.append(Double(bitPattern: histogram.sumBits), to: &out)
    JSONText.append(raw: #","zero_threshold":"#, to: &out)
    JSONText.append(Double(bitPattern: histogram.zeroThresholdBits), to: &out)
    if histogram.resetHint != 0 {
      JSONText.append(raw: #","reset_hint":"#, to: &out)
      JSONText.append(histogram.resetHint, to: &out)
    }
    switch histogram.counts {
    case .integer(let count, let zeroCount, let positive, let negative):
      JSONText.append(raw: #","count":"#, to: &out)
      JSONText.append(count, to: &out)
      JSONText.append(raw: #","zero_count":"#, to: &out)
      JSONText.append(zeroCount, to: &out)
      JSONText.append(raw: #","positive_deltas":"#, to: &out)
      JSONText.append(array: positive, to: &out)
      JSONText.append(raw: #","negative_deltas":"#, to: &out)
      JSONText.append(array: negative, to: &out)
    case .float(let count, let zeroCount, let positive, let negative):
      JSONText.append(raw: #","count":"#, to: &out)
      JSONText.append(Double(bitPattern: count), to: &out)
      JSONText.append(raw: #","zero_count":"#, to: &out)
      JSONText.append(Double(bitPattern: zeroCount), to: &out)
      JSONText.append(raw: #","positive_counts":"#, to: &out)
      JSONText.append(array: positive.lazy.map { Double(bitPattern: $0) }, to: &out)
      JSONText.append(raw: #","negative_counts":"#, to: &out)
      JSONText.append(array: negative.lazy.map { Double(bitPattern: $0) }, to: &out)
    }
    JSONText.append(raw: #","positive_spans":"#, to: &out)
    append(histogram.positiveSpans, to: &out)
    JSONText.append(raw: #","negative_spans":"#, to: &out)
    append(histogram.negativeSpans, to: &out)
    if !histogram.customBoundBits.isEmpty {
      JSONText.append(raw: #","custom_bounds":"#, to: &out)
      JSONText.append(array: histogram.customBoundBits.lazy.map { Double(bitPattern: $0) }, to: &out)
    }
    out.append(UInt8(ascii: "}"))
  }

  private static func append(_ spans: [NativeHistogram.Span], to out: inout [UInt8]) {
    JSONText.list(spans, to: &out) { span, out in
      JSONText.append(array: [Int64(span.offset), Int64(span.length)], to: &out)
    }
  }
}
