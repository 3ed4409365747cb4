import Model

/// A decoded remote write 1.0 message, as it came: nothing sorted, nothing made unique.
public struct RemoteWriteRequest: Sendable, Equatable {
  public struct Sample: Sendable, Hashable {
    public var timestamp: UnixMilliseconds
    /// Equality is by bits.
    public var valueBits: UInt64

    public init(timestamp: UnixMilliseconds, valueBits: UInt64) {
      self.timestamp = timestamp
      self.valueBits = valueBits
    }

    public var value: Double { Double(bitPattern: valueBits) }
  }

  public struct HistogramSample: Sendable, Hashable {
    public var timestamp: UnixMilliseconds
    public var histogram: NativeHistogram

    public init(timestamp: UnixMilliseconds, histogram: NativeHistogram) {
      self.timestamp = timestamp
      self.histogram = histogram
    }
  }

  public struct Exemplar: Sendable, Hashable {
    public var labels: [Label]
    public var timestamp: UnixMilliseconds
    public var valueBits: UInt64

    public init(labels: [Label], timestamp: UnixMilliseconds, valueBits: UInt64) {
      self.labels = labels
      self.timestamp = timestamp
      self.valueBits = valueBits
    }
  }

  public struct TimeSeries: Sendable, Equatable {
    public var labels: [Label] = []
    public var samples: [Sample] = []
    public var exemplars: [Exemplar] = []
    public var histograms: [HistogramSample] = []

    public init() {}
  }

  /// What is known of a metric family.
  public struct FamilyMetadata: Sendable, Hashable {
    public var family = ""
    public var metadata = MetricMetadata.none

    public init() {}
  }

  public var series: [TimeSeries] = []
  public var metadata: [FamilyMetadata] = []

  public init() {}
}

/// What one message may hold; a decoder stops at the first thing too many.
public struct RemoteWriteLimits: Sendable {
  /// Uncompressed.
  public var messageBytes = 32 << 20
  public var series = 1 << 18
  /// Of one series.
  public var labels = 1024
  /// Samples, histograms and exemplars of all series, labels of series and exemplars included. To ``RemoteWriteScanner`` an exemplar, or a family's metadata, is eight.
  public var items = 1 << 22
  public var histograms = 1 << 16
  /// Buckets, spans and bounds of one histogram, each.
  public var histogramBuckets = 1 << 16

  public init() {}
}
