/// The fields of remote write 1.0's messages, and the bytes before each: number × 8 + wire type (0 varint, 1 eight bytes, 2 length and bytes).
///
///     WriteRequest    1 repeated TimeSeries; 3 repeated MetricMetadata
///     TimeSeries      1 repeated Label; 2 repeated Sample; 3 repeated Exemplar; 4 repeated Histogram
///     Label           1 string name; 2 string value
///     Sample          1 double value; 2 int64 timestamp in milliseconds
///     Exemplar        1 repeated Label; 2 double value; 3 int64 timestamp
///     BucketSpan      1 sint32 offset; 2 uint32 length
///     MetricMetadata  1 enum type; 2 string metric_family_name; 4 string help; 5 string unit
///     Histogram       1 uint64 count_int, or 2 double count_float; 3 double sum; 4 sint32 schema; 5 double zero_threshold;
///                     6 uint64 zero_count_int, or 7 double zero_count_float; 8 repeated BucketSpan negative_spans;
///                     9 repeated sint64 negative_deltas, or 10 repeated double negative_counts; 11, 12, 13 the same of the positive ones;
///                     14 enum reset_hint; 15 int64 timestamp; 16 repeated double custom_values
///
/// Those of 2.0, whose histograms, spans and samples are the same but for the times at which they began:
///
///     Request         4 repeated string symbols, the first one empty; 5 repeated TimeSeries; 1 to 3 reserved
///     TimeSeries      1 repeated uint32 labels_refs; 2 repeated Sample; 3 repeated Histogram; 4 repeated Exemplar; 5 Metadata;
///                     6 int64 created_timestamp (until 2.0-rc.3)
///     Exemplar        1 repeated uint32 labels_refs; 2 double value; 3 int64 timestamp
///     Metadata        1 enum type; 3 uint32 help_ref; 4 uint32 unit_ref
///     Sample          3 int64 start_timestamp (since 2.0-rc.4); Histogram 17
///
/// A field that is zero is left out, as protobuf has it, and reads as zero.
///
/// Source: prometheus/prometheus, prompb/remote.proto and prompb/types.proto;
/// https://prometheus.io/docs/specs/prw/remote_write_spec/; prompb/io/prometheus/write/v2/types.proto;
/// https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
enum RemoteWriteFields {
  enum Request {
    static let series = 1
    static let metadata = 3
  }

  enum Series {
    static let label = 1
    static let sample = 2
    static let exemplar = 3
    static let histogram = 4
  }

  enum Label {
    static let name = 1
    static let value = 2
  }

  enum Sample {
    static let value = 1
    static let timestamp = 2
    static let start = 3
  }

  enum SymbolicRequest {
    static let symbol = 4
    static let series = 5
  }

  enum SymbolicSeries {
    static let references = 1
    static let sample = 2
    static let histogram = 3
    static let exemplar = 4
    static let metadata = 5
    static let created = 6
  }

  enum Description {
    static let type = 1
    static let help = 3
    static let unit = 4
  }

  enum Exemplar {
    static let label = 1
    static let value = 2
    static let timestamp = 3
  }

  enum Span {
    static let offset = 1
    static let length = 2
  }

  enum Metadata {
    static let type = 1
    static let family = 2
    static let help = 4
    static let unit = 5
  }

  enum Histogram {
    static let countInteger = 1
    static let countFloat = 2
    static let sum = 3
    static let schema = 4
    static let zeroThreshold = 5
    static let zeroCountInteger = 6
    static let zeroCountFloat = 7
    static let negativeSpans = 8
    static let negativeDeltas = 9
    static let negativeCounts = 10
    static let positiveSpans = 11
    static let positiveDeltas = 12
    static let positiveCounts = 13
    static let resetHint = 14
    static let timestamp = 15
    static let customValues = 16
    static let start = 17
  }

  @inline(__always)
  static func varintKey(_ field: Int) -> UInt8 { UInt8(field << 3) }
  @inline(__always)
  static func fixedKey(_ field: Int) -> UInt8 { UInt8(field << 3 | 1) }
  @inline(__always)
  static func bytesKey(_ field: Int) -> UInt8 { UInt8(field << 3 | 2) }
}
