import Codec
import Model

/// Makes rows over one group's tables of the samples that a request has for it: one row, or several that follow each other when one would be too large for a block.
struct LooseRowBuilder {
  /// More than what a row takes in a block before compression, so that it fits a block even when nothing can be compressed.
  static let limitBytes = 800_000
  private static let sampleBytes = 26

  private let source: UInt64
  private let tables: [SeriesTable]
  private var samples: [LooseRow.LooseSample] = []
  private var extras = MetricExtras()
  private var bytes = 0
  private(set) var rows: [MetricRow] = []

  init(source: UInt64, tables: [SeriesTable], samples count: Int) {
    self.source = source
    self.tables = tables
    samples.reserveCapacity(min(count, Self.limitBytes / Self.sampleBytes + 1))
  }

  private mutating func make(room more: Int) {
    if bytes + more > Self.limitBytes { finish() }
    bytes += more
  }

  @inline(__always)
  mutating func add(_ sample: LooseRow.LooseSample) {
    bytes &+= Self.sampleBytes
    if bytes > Self.limitBytes {
      finish()
      bytes = Self.sampleBytes
    }
    samples.append(sample)
  }

  mutating func add(_ sample: MetricExtras.HistogramSample) {
    make(room: Self.bytes(of: sample.histogram))
    extras.histograms.append(sample)
  }

  mutating func add(_ exemplar: MetricExtras.SeriesExemplar, textBytes: Int) {
    make(room: 64 + textBytes + exemplar.exemplar.labels.pairs.count * 20)
    extras.exemplars.append(exemplar)
  }

  mutating func add(_ created: MetricExtras.Created) {
    make(room: 25)
    extras.created.append(created)
  }

  /// More than what a histogram takes.
  static func bytes(of histogram: NativeHistogram) -> Int {
    let buckets =
      switch histogram.counts {
      case .integer(_, _, let positive, let negative): positive.count + negative.count
      case .float(_, _, let positive, let negative): positive.count + negative.count
      }
    return 160 + buckets * 10 + histogram.customBoundBits.count * 10
      + (histogram.positiveSpans.count + histogram.negativeSpans.count) * 15
  }

  /// Ends the row that is being made.
  mutating func finish() {
    bytes = 0
    if samples.isEmpty, extras.isEmpty { return }
    rows.append(.loose(LooseRow(source: source, tables: tables, samples: samples, extras: extras)))
    samples = []
    extras = MetricExtras()
  }
}
