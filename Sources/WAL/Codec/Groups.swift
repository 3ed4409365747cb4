import Model

/// What every group of a block has: whose rows, over which tables.
public struct GroupHead: Sendable, Equatable {
  /// One to four; the group's series are counted through them in order.
  public let tables: [TableName]
  /// Series of each table.
  public let tableSeries: [Int]
  /// A hash of collector and target (or stream); kept when tables change.
  public let source: UInt64
  /// The rows' numbers, ascending. A log entry is a row.
  public internal(set) var sequences: [UInt64]

  /// All series of the tables.
  public var seriesCount: Int { tableSeries.reduce(0, +) }

  /// What has to be the same for two groups to become one.
  struct Key: Hashable {
    let kind: UInt8
    let source: UInt64
    let tables: [TableName]
    let tableSeries: [Int]
  }

  func key(_ kind: UInt8) -> Key { Key(kind: kind, source: source, tables: tables, tableSeries: tableSeries) }
}

/// Samples that came with a timestamp of their own, in a matrix whose rows otherwise have one time each.
public struct OwnTimestampCell: Sendable, Hashable {
  public let series: Int
  public let row: Int
  /// Milliseconds.
  public let timestamp: Int64
}

/// Histograms, exemplars and created timestamps of a group, each with the index of its row in the group.
public struct GroupExtras: Sendable, Equatable {
  public struct Item<Value: Sendable & Hashable>: Sendable, Hashable {
    public let row: Int
    public let value: Value
  }

  public internal(set) var histograms: [Item<MetricExtras.HistogramSample>] = []
  public internal(set) var exemplars: [Item<MetricExtras.SeriesExemplar>] = []
  public internal(set) var created: [Item<MetricExtras.Created>] = []

  public var isEmpty: Bool { histograms.isEmpty && exemplars.isEmpty && created.isEmpty }

  mutating func append(_ extras: MetricExtras, row: Int) {
    histograms += extras.histograms.map { Item(row: row, value: $0) }
    exemplars += extras.exemplars.map { Item(row: row, value: $0) }
    created += extras.created.map { Item(row: row, value: $0) }
  }

  /// The items of the kept rows; `newRow` gives each old row's new index, or nil.
  func moved(_ newRow: (Int) -> Int?) -> GroupExtras {
    func moved<Value>(_ items: [Item<Value>]) -> [Item<Value>] {
      items.compactMap { item in newRow(item.row).map { Item(row: $0, value: item.value) } }
    }
    return GroupExtras(histograms: moved(histograms), exemplars: moved(exemplars), created: moved(created))
  }

  mutating func append(_ more: GroupExtras, rowOffset: Int) {
    let shifted = more.moved { $0 + rowOffset }
    histograms += shifted.histograms
    exemplars += shifted.exemplars
    created += shifted.created
  }
}

/// Scrapes of one target over the same tables, as columns.
struct MatrixColumns: Sendable {
  var head: GroupHead
  /// Milliseconds, one a row.
  var timestamps: [Int64]
  var values: ValueColumns
  /// Sorted by series, then row.
  var ownTimestamps: [OwnTimestampCell]
  var extras: GroupExtras
}

/// Loose samples, as columns; the values are a matrix of one row.
struct LooseColumns: Sendable {
  var head: GroupHead
  /// Samples of each row.
  var rowLengths: [Int]
  var series: [UInt32]
  /// Milliseconds, one a sample.
  var timestamps: [Int64]
  var values: ValueColumns
  var extras: GroupExtras
}

/// Log entries, as columns; each is a row.
struct LogColumns: Sendable {
  var head: GroupHead
  var streams: [UInt32]
  /// Nanoseconds.
  var timestamps: [Int64]
  var lengths: [Int]
  var lines: [UInt8]
  /// One array an entry; empty when no entry has any.
  var metadata: [[Label]]
}

/// A group in the form in which sealing, merging and dropping rows work on it.
enum GroupColumns: Sendable {
  case matrix(MatrixColumns)
  case loose(LooseColumns)
  case logs(LogColumns)

  static let matrixKind: UInt8 = 1
  static let looseKind: UInt8 = 2
  static let logsKind: UInt8 = 3

  var head: GroupHead {
    switch self {
    case .matrix(let group): group.head
    case .loose(let group): group.head
    case .logs(let group): group.head
    }
  }

  var kind: UInt8 {
    switch self {
    case .matrix: GroupColumns.matrixKind
    case .loose: GroupColumns.looseKind
    case .logs: GroupColumns.logsKind
    }
  }

  /// Samples or entries, histograms among them.
  var entryCount: Int {
    switch self {
    case .matrix(let group): group.values.sampleCount + group.extras.histograms.count
    case .loose(let group): group.series.count + group.extras.histograms.count
    case .logs(let group): group.streams.count
    }
  }

  /// Cells that a reader of the group has to hold.
  var cellCount: Int {
    switch self {
    case .matrix(let group): group.values.cellCount
    case .loose(let group): group.series.count
    case .logs(let group): group.streams.count
    }
  }

  /// Smallest and largest time of the group, or nil when it has none.
  var times: ClosedRange<Int64>? {
    var range = TimeRange()
    switch self {
    case .matrix(let group):
      for time in group.timestamps { range.add(time) }
      for cell in group.ownTimestamps { range.add(cell.timestamp) }
      for item in group.extras.histograms { range.add(item.value.timestamp.rawValue) }
    case .loose(let group):
      for time in group.timestamps { range.add(time) }
      for item in group.extras.histograms { range.add(item.value.timestamp.rawValue) }
    case .logs(let group):
      for time in group.timestamps { range.add(time) }
    }
    return range.closed
  }
}

/// The smallest and largest of some times.
struct TimeRange {
  private(set) var closed: ClosedRange<Int64>?

  mutating func add(_ time: Int64) {
    guard let range = closed else {
      closed = time...time
      return
    }
    if time < range.lowerBound {
      closed = time...range.upperBound
    } else if time > range.upperBound {
      closed = range.lowerBound...time
    }
  }

  mutating func add(_ other: ClosedRange<Int64>?) {
    guard let other else { return }
    add(other.lowerBound)
    add(other.upperBound)
  }
}
