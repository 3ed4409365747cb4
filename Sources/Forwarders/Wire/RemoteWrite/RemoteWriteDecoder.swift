import Codec
import Model

/// Reads remote write 1.0 messages. Fields that are not known are passed over, as protobuf wants it; everything else that does not fit is an error.
/// Of a field that should occur once the last one counts.
public struct RemoteWriteDecoder {
  private typealias Fields = RemoteWriteFields
  private let limits: RemoteWriteLimits
  private var items = 0

  /// The message in the body of a request. Throws when the body is not snappy, or does not hold a message within the limits.
  public static func decode(
    compressed body: [UInt8], _ limits: RemoteWriteLimits = .init()
  ) throws(WireError) -> RemoteWriteRequest {
    try decode(try Snappy.decompress(body.span.bytes, limitBytes: limits.messageBytes), limits)
  }

  /// An uncompressed message.
  public static func decode(
    _ message: [UInt8], _ limits: RemoteWriteLimits = .init()
  ) throws(WireError) -> RemoteWriteRequest {
    guard message.count <= limits.messageBytes else {
      throw WireError(.tooLarge, "message: \(message.count) bytes, at most \(limits.messageBytes)")
    }
    var decoder = RemoteWriteDecoder(limits: limits)
    return try decoder.request(message.span.bytes)
  }

  private init(limits: RemoteWriteLimits) { self.limits = limits }

  private mutating func count(_ at: Int) throws(WireError) {
    items += 1
    guard items <= limits.items else {
      throw WireError(.tooLarge, "message: more than \(limits.items) labels, samples, histograms and exemplars", at: at)
    }
  }

  private mutating func request(_ bytes: RawSpan) throws(WireError) -> RemoteWriteRequest {
    var reader = ProtobufReader(offset: 0, end: bytes.byteCount)
    var request = RemoteWriteRequest()
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("message", in: bytes) else { return request }
      switch number {
      case Fields.Request.series:
        guard request.series.count < limits.series else {
          throw WireError(.tooLarge, "message: more than \(limits.series) time series", at: at)
        }
        request.series.append(try series(try value.bytes("time series", at: at), bytes))
      case Fields.Request.metadata:
        try count(at)
        request.metadata.append(try Self.metadata(try value.bytes("metadata", at: at), bytes))
      default: continue
      }
    }
  }

  private mutating func series(
    _ reader: ProtobufReader, _ bytes: RawSpan
  ) throws(WireError) -> RemoteWriteRequest.TimeSeries {
    var reader = reader
    var series = RemoteWriteRequest.TimeSeries()
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("time series", in: bytes) else { return series }
      switch number {
      case Fields.Series.label:
        try count(at)
        guard series.labels.count < limits.labels else {
          throw WireError(.tooLarge, "time series: more than \(limits.labels) labels", at: at)
        }
        series.labels.append(try label(try value.bytes("label", at: at), bytes))
      case Fields.Series.sample:
        try count(at)
        series.samples.append(try sample(try value.bytes("sample", at: at), bytes))
      case Fields.Series.exemplar:
        try count(at)
        series.exemplars.append(try exemplar(try value.bytes("exemplar", at: at), bytes))
      case Fields.Series.histogram:
        try count(at)
        var histogram = HistogramReading(limitBuckets: limits.histogramBuckets)
        series.histograms.append(try histogram.read(try value.bytes("histogram", at: at), bytes))
      default: continue
      }
    }
  }

  private func label(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) -> Label {
    var reader = reader
    var label = Label("", "")
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("label", in: bytes) else { return label }
      switch number {
      case Fields.Label.name: label.name = try value.bytes("label name", at: at).text("label name", in: bytes)
      case Fields.Label.value: label.value = try value.bytes("label value", at: at).text("label value", in: bytes)
      default: continue
      }
    }
  }

  private func sample(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) -> RemoteWriteRequest.Sample {
    var reader = reader
    var sample = RemoteWriteRequest.Sample(timestamp: UnixMilliseconds(0), valueBits: 0)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("sample", in: bytes) else { return sample }
      switch number {
      case Fields.Sample.value: sample.valueBits = try value.double("sample value", at: at)
      case Fields.Sample.timestamp:
        sample.timestamp = UnixMilliseconds(Int64(bitPattern: try value.integer("sample timestamp", at: at)))
      default: continue
      }
    }
  }

  private mutating func exemplar(
    _ reader: ProtobufReader, _ bytes: RawSpan
  ) throws(WireError) -> RemoteWriteRequest.Exemplar {
    var reader = reader
    var exemplar = RemoteWriteRequest.Exemplar(labels: [], timestamp: UnixMilliseconds(0), valueBits: 0)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("exemplar", in: bytes) else { return exemplar }
      switch number {
      case Fields.Exemplar.label:
        try count(at)
        guard exemplar.labels.count < limits.labels else {
          throw WireError(.tooLarge, "exemplar: more than \(limits.labels) labels", at: at)
        }
        exemplar.labels.append(try label(try value.bytes("exemplar label", at: at), bytes))
      case Fields.Exemplar.value: exemplar.valueBits = try value.double("exemplar value", at: at)
      case Fields.Exemplar.timestamp:
        exemplar.timestamp = UnixMilliseconds(Int64(bitPattern: try value.integer("exemplar timestamp", at: at)))
      default: continue
      }
    }
  }

  /// `repairing`: what is not UTF-8 becomes U+FFFD in place of an error, as a help in another character set is no reason to refuse all that came with it.
  static func metadata(
    _ reader: ProtobufReader, _ bytes: RawSpan, repairing: Bool = false
  ) throws(WireError) -> RemoteWriteRequest.FamilyMetadata {
    func text(_ part: ProtobufReader, _ what: StaticString) throws(WireError) -> String {
      repairing
        ? bytes.extracting(part.offset..<part.end).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        : try part.text(what, in: bytes)
    }
    var reader = reader
    var entry = RemoteWriteRequest.FamilyMetadata()
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("metadata", in: bytes) else { return entry }
      switch number {
      case Fields.Metadata.type:
        let type = try value.integer("metadata type", at: at)
        // The protobuf's numbers are the model's. One that is not known is no reason to refuse samples.
        entry.metadata.type = UInt8(exactly: type).flatMap(MetricType.init) ?? .unknown
      case Fields.Metadata.family:
        entry.family = try text(try value.bytes("metric family", at: at), "metric family")
      case Fields.Metadata.help: entry.metadata.help = try text(try value.bytes("help", at: at), "help")
      case Fields.Metadata.unit: entry.metadata.unit = try text(try value.bytes("unit", at: at), "unit")
      default: continue
      }
    }
  }
}
