import Codec
import Model

/// The labels of a table's series as JSON objects, made once.
struct LabelText: Sendable {
  private let bytes: [UInt8]
  /// Where each series begins, and where the last one ends.
  private let starts: [Int]

  init(_ table: SeriesTable) throws(FormatError) {
    var bytes: [UInt8] = []
    var starts = [0]
    for series in try table.decode() {
      Self.append(series.labels.pairs, to: &bytes)
      starts.append(bytes.count)
    }
    self.bytes = bytes
    self.starts = starts
  }

  var byteCount: Int { bytes.count + starts.count * 8 }

  func append(_ series: Int, to out: inout [UInt8]) {
    bytes.withUnsafeBufferPointer { out.append(contentsOf: $0[starts[series]..<starts[series + 1]]) }
  }

  /// `{"name":"value",…}`; names occur once.
  static func append(_ labels: [Label], to out: inout [UInt8]) {
    out.append(UInt8(ascii: "{"))
    for (at, label) in labels.enumerated() {
      if at > 0 { out.append(UInt8(ascii: ",")) }
      JSONText.append(string: label.name, to: &out)
      out.append(UInt8(ascii: ":"))
      JSONText.append(string: label.value, to: &out)
    }
    out.append(UInt8(ascii: "}"))
  }
}

/// Label texts by table, across deliveries, within a bound.
struct LabelTextCache: Sendable {
  private let limitBytes: Int
  private var texts: [TableName: (text: LabelText, used: UInt64)] = [:]
  private var totalBytes = 0
  private var clock: UInt64 = 0

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  mutating func text(_ table: SeriesTable) throws(FormatError) -> LabelText {
    clock += 1
    if let known = texts[table.name]?.text {
      texts[table.name]?.used = clock
      return known
    }
    let text = try LabelText(table)
    texts[table.name] = (text, clock)
    totalBytes += text.byteCount
    // The one that was just made stays, however large.
    while totalBytes > limitBytes, texts.count > 1, let oldest = texts.min(by: { $0.value.used < $1.value.used }) {
      totalBytes -= oldest.value.text.byteCount
      texts[oldest.key] = nil
    }
    return text
  }
}
