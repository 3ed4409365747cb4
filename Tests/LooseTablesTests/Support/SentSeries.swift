import Codec
import Model
import Wire

@testable import Wire

/// A series as a sender means it, and its bytes in either message. Labels are written as they stand: unsorted, twice, empty, if a test wants that.
struct SentSeries {
  var labels: [Label]
  var samples: [RemoteWriteRequest.Sample] = []
  var histograms: [RemoteWriteRequest.HistogramSample] = []
  var exemplars: [RemoteWriteRequest.Exemplar] = []
  /// 2.0 only.
  var metadata = MetricMetadata.none
  var created: Int64 = 0

  init(_ labels: [Label], _ samples: [(Int64, Double)] = []) {
    self.labels = labels
    self.samples = samples.map { .init(timestamp: UnixMilliseconds($0.0), valueBits: $0.1.bitPattern) }
  }

  init(_ name: String, _ labels: [String: String] = [:], _ samples: [(Int64, Double)] = [(1000, 1)]) {
    self.init([Label("__name__", name)] + labels.sorted { $0.key < $1.key }.map { Label($0.key, $0.value) }, samples)
  }
}

/// A message as senders write it.
struct SentMessage {
  var series: [SentSeries] = []
  /// 1.0 only.
  var families: [(name: String, metadata: MetricMetadata)] = []
  /// 2.0 only: symbols behind the series, which protobuf allows.
  var symbolsLast = false
  /// 2.0 only: not needed by anybody, so that the same series have other numbers.
  var strangeSymbols: [String] = []

  init(_ series: [SentSeries] = []) { self.series = series }

  func bytes(_ version: RemoteWriteVersion) -> [UInt8] {
    switch version {
    case .v1: first
    case .v2: second
    }
  }

  private var first: [UInt8] {
    var out = ByteWriter()
    for one in series {
      var inner = ByteWriter()
      for label in one.labels { inner.message(1, Self.label(label)) }
      for sample in one.samples { inner.message(2, Self.sample(sample)) }
      for exemplar in one.exemplars {
        var part = ByteWriter()
        for label in exemplar.labels { part.message(1, Self.label(label)) }
        part.exemplarRest(exemplar)
        inner.message(3, part.bytes)
      }
      for histogram in one.histograms {
        inner.message(
          4, RemoteWriteMessages.histogram(histogram.histogram, time: histogram.timestamp.rawValue))
      }
      out.message(1, inner.bytes)
    }
    for family in families {
      var inner = ByteWriter()
      inner.integer(1, UInt64(family.metadata.type.rawValue))
      inner.message(2, Array(family.name.utf8))
      inner.message(4, Array(family.metadata.help.utf8))
      inner.message(5, Array(family.metadata.unit.utf8))
      out.message(3, inner.bytes)
    }
    return out.bytes
  }

  private var second: [UInt8] {
    var symbols: [ByteString: Int] = [ByteString(""): 0]
    var list = [""] + strangeSymbols
    func reference(_ text: String) -> UInt64 {
      if let known = symbols[ByteString(text)] { return UInt64(known) }
      symbols[ByteString(text)] = list.count
      list.append(text)
      return UInt64(list.count - 1)
    }
    func references(_ labels: [Label]) -> [UInt8] {
      var out = ByteWriter()
      for label in labels {
        out.varint(reference(label.name))
        out.varint(reference(label.value))
      }
      return out.bytes
    }
    var rest = ByteWriter()
    for one in series {
      var inner = ByteWriter()
      inner.message(1, references(one.labels))
      for sample in one.samples { inner.message(2, Self.sample(sample)) }
      for histogram in one.histograms {
        inner.message(
          3, RemoteWriteMessages.histogram(histogram.histogram, time: histogram.timestamp.rawValue))
      }
      for exemplar in one.exemplars {
        var part = ByteWriter()
        part.message(1, references(exemplar.labels))
        part.exemplarRest(exemplar)
        inner.message(4, part.bytes)
      }
      if one.metadata != .none {
        var part = ByteWriter()
        part.integer(1, UInt64(one.metadata.type.rawValue))
        part.integer(3, reference(one.metadata.help))
        part.integer(4, reference(one.metadata.unit))
        inner.message(5, part.bytes)
      }
      inner.integer(6, UInt64(bitPattern: one.created))
      rest.message(5, inner.bytes)
    }
    var head = ByteWriter()
    for symbol in list { head.message(4, Array(symbol.utf8)) }
    return symbolsLast ? rest.bytes + head.bytes : head.bytes + rest.bytes
  }

  private static func label(_ label: Label) -> [UInt8] {
    var out = ByteWriter()
    if !label.name.isEmpty { out.message(1, Array(label.name.utf8)) }
    if !label.value.isEmpty { out.message(2, Array(label.value.utf8)) }
    return out.bytes
  }

  private static func sample(_ sample: RemoteWriteRequest.Sample) -> [UInt8] {
    var out = ByteWriter()
    if sample.valueBits != 0 { out.double(1, sample.valueBits) }
    out.integer(2, UInt64(bitPattern: sample.timestamp.rawValue))
    return out.bytes
  }
}

extension ByteWriter {
  mutating func message(_ field: Int, _ bytes: [UInt8]) {
    varint(field << 3 | 2)
    prefixed(bytes)
  }

  mutating func integer(_ field: Int, _ value: UInt64) {
    if value == 0 { return }
    varint(field << 3)
    varint(value)
  }

  mutating func double(_ field: Int, _ bits: UInt64) {
    varint(field << 3 | 1)
    fixed(bits)
  }

  fileprivate mutating func exemplarRest(_ exemplar: RemoteWriteRequest.Exemplar) {
    if exemplar.valueBits != 0 { double(2, exemplar.valueBits) }
    integer(3, UInt64(bitPattern: exemplar.timestamp.rawValue))
  }
}
