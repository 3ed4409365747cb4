/// The type that an exposition's `# TYPE` line gives to a metric family. Raw values are those of the block format.
public enum MetricType: UInt8, Sendable, CaseIterable {
  case unknown = 0
  case counter = 1
  case gauge = 2
  case histogram = 3
  case gaugeHistogram = 4
  case summary = 5
  case info = 6
  case stateSet = 7
}

/// What an exposition says about a metric family besides its samples.
public struct MetricMetadata: Hashable, Sendable {
  public var type: MetricType
  /// For example `seconds`; empty when the exposition has no `# UNIT` line.
  public var unit: String
  public var help: String

  public init(type: MetricType = .unknown, unit: String = "", help: String = "") {
    self.type = type
    self.unit = unit
    self.help = help
  }

  public static let none = MetricMetadata()

  public static func == (a: Self, b: Self) -> Bool {
    a.type == b.type && a.unit.hasSameBytes(as: b.unit) && a.help.hasSameBytes(as: b.help)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    unit.hashBytes(into: &hasher)
    help.hashBytes(into: &hasher)
  }
}

/// One entry of a series table: a label set and what is known of its family. For logs: a stream, without metadata.
public struct Series: Hashable, Sendable {
  public var labels: Labels
  public var metadata: MetricMetadata

  public init(_ labels: Labels, _ metadata: MetricMetadata = .none) {
    self.labels = labels
    self.metadata = metadata
  }
}

/// The NaN by which Prometheus says that a series has ended; only the exact bits count.
///
/// Source: prometheus/prometheus, model/value/value.go.
public enum StaleMarker {
  public static let bits: UInt64 = 0x7ff0_0000_0000_0002
  public static let value = Double(bitPattern: bits)

  @inlinable
  public static func matches(_ value: Double) -> Bool { value.bitPattern == bits }
}

/// An example of what a sample counts: usually a trace id.
public struct Exemplar: Hashable, Sendable {
  public var labels: Labels
  /// Equality is by bits, so that a NaN survives a comparison.
  public var valueBits: UInt64
  /// Nil when the exposition gave none.
  public var timestamp: UnixMilliseconds?

  public init(labels: Labels, value: Double, timestamp: UnixMilliseconds? = nil) {
    self.labels = labels
    self.valueBits = value.bitPattern
    self.timestamp = timestamp
  }

  public var value: Double { Double(bitPattern: valueBits) }
}

/// A Prometheus native histogram, as `prometheus.Histogram` of prompb/types.proto has it. Counts are integers or floats.
public struct NativeHistogram: Hashable, Sendable {
  /// `length` buckets that follow each other, `offset` buckets after the end of the span before.
  public struct Span: Hashable, Sendable {
    public var offset: Int32
    public var length: UInt32

    public init(offset: Int32, length: UInt32) {
      self.offset = offset
      self.length = length
    }
  }

  /// Integer histograms hold bucket deltas, float histograms absolute bucket counts (as bits).
  public enum Counts: Hashable, Sendable {
    case integer(count: UInt64, zeroCount: UInt64, positiveDeltas: [Int64], negativeDeltas: [Int64])
    case float(countBits: UInt64, zeroCountBits: UInt64, positiveBits: [UInt64], negativeBits: [UInt64])
  }

  /// As in the protobuf: 0 unknown, 1 yes, 2 no, 3 gauge.
  public var resetHint: UInt8
  public var schema: Int32
  public var zeroThresholdBits: UInt64
  public var sumBits: UInt64
  public var counts: Counts
  public var positiveSpans: [Span]
  public var negativeSpans: [Span]
  /// Upper bounds of custom buckets (schema -53), as bits; empty otherwise.
  public var customBoundBits: [UInt64]

  public init(
    resetHint: UInt8 = 0, schema: Int32, zeroThreshold: Double, sum: Double, counts: Counts,
    positiveSpans: [Span] = [], negativeSpans: [Span] = [], customBounds: [Double] = []
  ) {
    self.resetHint = resetHint
    self.schema = schema
    self.zeroThresholdBits = zeroThreshold.bitPattern
    self.sumBits = sum.bitPattern
    self.counts = counts
    self.positiveSpans = positiveSpans
    self.negativeSpans = negativeSpans
    self.customBoundBits = customBounds.map(\.bitPattern)
  }
}
