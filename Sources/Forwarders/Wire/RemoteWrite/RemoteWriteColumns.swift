import Model

/// A remote write message laid out in columns, its labels not yet looked at: what a receiver needs to tell series that it knows from new ones, without
/// making a string.
///
/// All offsets are of the message's bytes, which whoever made the columns holds.
public struct RemoteWriteColumns: Sendable {
  public struct Series: Sendable {
    /// 1.0: the bytes from the first label to the end of the last. 2.0: elements of `references`.
    public internal(set) var labels: Part
    /// Its samples end here; they begin where those of the series before end.
    public internal(set) var samplesEnd: UInt32
    /// Between the labels stand other fields (1.0 only): equal bytes do not mean equal labels then.
    public internal(set) var labelsAreScattered: Bool
  }

  public struct Part: Sendable, Hashable {
    public var start: UInt32
    public var end: UInt32

    public var range: Range<Int> { Int(start)..<Int(end) }
    public var count: Int { Int(end - start) }
  }

  public struct HistogramSample: Sendable {
    public let series: Int
    public let sample: RemoteWriteRequest.HistogramSample
  }

  public struct Exemplar: Sendable {
    public let series: Int
    /// 1.0: the bytes of its message, of which field 1 are the labels. 2.0: elements of `references`.
    public let labels: Part
    public let valueBits: UInt64
    /// Nil when it has none, which the message says with 0.
    public let timestamp: UnixMilliseconds?
  }

  /// When a series began, in 2.0.
  public struct Created: Sendable {
    public let series: Int
    public let time: UnixMilliseconds
  }

  /// What 2.0 says with each series.
  public struct Description: Sendable {
    public let series: Int
    public let type: MetricType
    /// Elements of `symbols`, which may not be there.
    public let help: UInt32
    public let unit: UInt32
  }

  public internal(set) var series: [Series] = []
  public internal(set) var samples: [RemoteWriteRequest.Sample] = []
  /// These come in the order of their series.
  public internal(set) var histograms: [HistogramSample] = []
  public internal(set) var exemplars: [Exemplar] = []
  public internal(set) var created: [Created] = []
  public internal(set) var descriptions: [Description] = []
  /// 1.0 only.
  public internal(set) var metadata: [RemoteWriteRequest.FamilyMetadata] = []
  /// 2.0 only: where the strings stand, and the series' and exemplars' references to them, name and value in turn. A reference may be out of range.
  public internal(set) var symbols: [Part] = []
  public internal(set) var references: [UInt32] = []

  init() {}
}
