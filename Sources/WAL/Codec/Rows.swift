import Model

/// Rows of one tenant that have no number yet: what a collector hands to the log. The log numbers and seals them.
public struct RowBatch: Sendable {
  public var tenant: Tenant
  public var rows: Rows

  public enum Rows: Sendable {
    case metrics([MetricRow])
    case logs([LogRows])
  }

  public init(tenant: Tenant = .default, metrics: [MetricRow]) {
    self.tenant = tenant
    self.rows = .metrics(metrics)
  }

  public init(tenant: Tenant = .default, logs: [LogRows]) {
    self.tenant = tenant
    self.rows = .logs(logs)
  }

  public var signal: Signal {
    switch rows {
    case .metrics: .metrics
    case .logs: .logs
    }
  }

  /// Rows that the log will number.
  public var rowCount: Int {
    switch rows {
    case .metrics(let rows): rows.count
    case .logs(let rows): rows.reduce(0) { $0 + $1.entries.count }
    }
  }

  /// About how much memory the batch holds; for the bound on what waits for the writer.
  public var approximateBytes: Int {
    switch rows {
    case .metrics(let rows): rows.reduce(0) { $0 + $1.approximateBytes }
    case .logs(let rows): rows.reduce(0) { $0 + $1.approximateBytes }
    }
  }
}

/// One row of metrics: a scrape of a target, or the loose samples of one accepted request.
public enum MetricRow: Sendable {
  case scrape(ScrapeRow)
  case loose(LooseRow)

  var approximateBytes: Int {
    switch self {
    case .scrape(let row): row.values.count * 8 + row.extras.approximateBytes + 128
    case .loose(let row): row.samples.count * 24 + row.extras.approximateBytes + 128
    }
  }
}

/// One scrape: a value for each series of one to four tables, at one time.
public struct ScrapeRow: Sendable {
  /// A hash of collector and target; stays the same when the tables change.
  public var source: UInt64
  /// One to four; series are counted through them in order.
  public var tables: [SeriesTable]
  public var timestamp: UnixMilliseconds
  /// A value for each series of the tables; what stands at an absent one is not stored.
  public var values: [Double]
  /// Series without a sample in this row, ascending.
  public var absent: [UInt32]
  /// Samples that came with a timestamp of their own, ascending by series.
  public var ownTimestamps: [OwnTimestamp]
  public var extras: MetricExtras

  public struct OwnTimestamp: Hashable, Sendable {
    public var series: UInt32
    public var timestamp: UnixMilliseconds

    public init(series: UInt32, timestamp: UnixMilliseconds) {
      self.series = series
      self.timestamp = timestamp
    }
  }

  public init(
    source: UInt64, tables: [SeriesTable], timestamp: UnixMilliseconds, values: [Double], absent: [UInt32] = [],
    ownTimestamps: [OwnTimestamp] = [], extras: MetricExtras = .init()
  ) {
    self.source = source
    self.tables = tables
    self.timestamp = timestamp
    self.values = values
    self.absent = absent
    self.ownTimestamps = ownTimestamps
    self.extras = extras
  }
}

/// The samples of one accepted request that do not come as a scrape.
public struct LooseRow: Sendable {
  public var source: UInt64
  /// One to four; series are counted through them in order.
  public var tables: [SeriesTable]
  /// In the order in which they came; a series may occur more than once.
  public var samples: [LooseSample]
  public var extras: MetricExtras

  public struct LooseSample: Hashable, Sendable {
    public var series: UInt32
    public var timestamp: UnixMilliseconds
    /// Equality is by bits.
    public var valueBits: UInt64

    public init(series: UInt32, timestamp: UnixMilliseconds, value: Double) {
      self.series = series
      self.timestamp = timestamp
      self.valueBits = value.bitPattern
    }

    public var value: Double { Double(bitPattern: valueBits) }
  }

  public init(source: UInt64, tables: [SeriesTable], samples: [LooseSample], extras: MetricExtras = .init()) {
    self.source = source
    self.tables = tables
    self.samples = samples
    self.extras = extras
  }
}

/// What a row may hold besides float samples. `series` counts through the row's tables.
public struct MetricExtras: Sendable, Hashable {
  public struct HistogramSample: Sendable, Hashable {
    public var series: UInt32
    public var timestamp: UnixMilliseconds
    public var histogram: NativeHistogram

    public init(series: UInt32, timestamp: UnixMilliseconds, histogram: NativeHistogram) {
      self.series = series
      self.timestamp = timestamp
      self.histogram = histogram
    }
  }

  public struct SeriesExemplar: Sendable, Hashable {
    public var series: UInt32
    public var exemplar: Exemplar

    public init(series: UInt32, exemplar: Exemplar) {
      self.series = series
      self.exemplar = exemplar
    }
  }

  public struct Created: Sendable, Hashable {
    public var series: UInt32
    public var created: UnixMilliseconds

    public init(series: UInt32, created: UnixMilliseconds) {
      self.series = series
      self.created = created
    }
  }

  public var histograms: [HistogramSample]
  public var exemplars: [SeriesExemplar]
  public var created: [Created]

  public init(histograms: [HistogramSample] = [], exemplars: [SeriesExemplar] = [], created: [Created] = []) {
    self.histograms = histograms
    self.exemplars = exemplars
    self.created = created
  }

  public var isEmpty: Bool { histograms.isEmpty && exemplars.isEmpty && created.isEmpty }

  var approximateBytes: Int { histograms.count * 512 + exemplars.count * 128 + created.count * 16 }
}

/// Log entries over stream tables; each entry is a row.
public struct LogRows: Sendable {
  public struct Entry: Sendable, Hashable {
    /// Counted through the tables.
    public var stream: UInt32
    public var entry: LogEntry

    public init(stream: UInt32, entry: LogEntry) {
      self.stream = stream
      self.entry = entry
    }
  }

  public var source: UInt64
  /// One to four.
  public var tables: [SeriesTable]
  public var entries: [Entry]

  public init(source: UInt64, tables: [SeriesTable], entries: [Entry]) {
    self.source = source
    self.tables = tables
    self.entries = entries
  }

  var approximateBytes: Int {
    entries.reduce(128) { $0 + $1.entry.line.count + 64 + $1.entry.structuredMetadata.count * 64 }
  }
}
