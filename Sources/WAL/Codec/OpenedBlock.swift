import Model

/// A decoded block: columns, group by group.
public struct OpenedBlock: Sendable {
  public enum Group: Sendable {
    case matrix(MatrixGroup)
    case loose(LooseGroup)
    case logs(LogGroup)

    init(_ columns: GroupColumns) {
      switch columns {
      case .matrix(let group): self = .matrix(MatrixGroup(group))
      case .loose(let group): self = .loose(LooseGroup(group))
      case .logs(let group): self = .logs(LogGroup(group))
      }
    }

    public var head: GroupHead {
      switch self {
      case .matrix(let group): group.head
      case .loose(let group): group.head
      case .logs(let group): group.head
      }
    }
  }

  public let header: BlockHeader
  public let groups: [Group]

  /// Finds each group's tables among those at hand, and makes sure that they have as many series as the group says.
  public func resolve(_ tables: [SeriesTable]) throws(FormatError) -> [[SeriesTable]] {
    let byName = SeriesTable.byName(tables)
    var result: [[SeriesTable]] = []
    for group in groups { result.append(try group.head.tables(among: byName, signal: header.signal)) }
    return result
  }
}

extension SeriesTable {
  static func byName(_ tables: [SeriesTable]) -> [TableName: SeriesTable] {
    var byName: [TableName: SeriesTable] = [:]
    for table in tables { byName[table.name] = table }
    return byName
  }
}

extension GroupHead {
  /// The group's tables, which have to have as many series as the group says.
  func tables(among byName: [TableName: SeriesTable], signal: Signal) throws(FormatError) -> [SeriesTable] {
    var found: [SeriesTable] = []
    for (name, series) in zip(tables, tableSeries) {
      guard let table = byName[name] else { throw FormatError(.missingTable, "group: table \(name) is not at hand") }
      guard table.seriesCount == series, table.signal == signal else {
        throw FormatError(
          .inconsistent, "group: \(series) series of table \(name), which has \(table.seriesCount) of \(table.signal)")
      }
      found.append(table)
    }
    return found
  }
}

/// Scrapes of one target: rows by series.
public struct MatrixGroup: Sendable {
  public let head: GroupHead
  /// Milliseconds, one a row.
  public let timestamps: [Int64]
  /// Series-major: `values[series * rowCount + row]`; what stands at an absent cell has no meaning.
  public let values: [Double]
  /// Nil when every cell is present.
  public let present: Bitmap?
  /// Sorted by series, then row.
  public let ownTimestamps: [OwnTimestampCell]
  public let extras: GroupExtras

  public var rowCount: Int { timestamps.count }
  public var seriesCount: Int { head.seriesCount }

  public func isPresent(_ series: Int, _ row: Int) -> Bool { present?.isSet(series * rowCount + row) ?? true }

  init(_ columns: MatrixColumns) {
    head = columns.head
    timestamps = columns.timestamps
    values = columns.values.doubles()
    if columns.values.present == nil, columns.values.forms.contains(ValueColumns.Form.absent) {
      var bitmap = Bitmap(count: columns.values.cellCount, allSet: true)
      let rows = columns.timestamps.count
      for (series, form) in columns.values.forms.enumerated() where form == ValueColumns.Form.absent {
        for row in 0..<rows { bitmap.clear(series * rows + row) }
      }
      present = bitmap
    } else {
      present = columns.values.present
    }
    ownTimestamps = columns.ownTimestamps
    extras = columns.extras
  }

  /// Calls `body` for each sample, series by series, in the order of the rows. Timestamps are milliseconds.
  public func forEachSample<Failure: Error>(
    _ body: (_ series: Int, _ row: Int, _ timestamp: Int64, _ value: Double) throws(Failure) -> Void
  ) throws(Failure) {
    var own = 0
    for series in 0..<seriesCount {
      for row in 0..<rowCount where isPresent(series, row) {
        var time = timestamps[row]
        // The cells are in the order of this walk, and none of them is absent.
        if own < ownTimestamps.count, ownTimestamps[own].series == series, ownTimestamps[own].row == row {
          time = ownTimestamps[own].timestamp
          own += 1
        }
        try body(series, row, time, values[series * rowCount + row])
      }
    }
  }
}

/// Loose samples in the order in which they came, row after row.
public struct LooseGroup: Sendable {
  public let head: GroupHead
  /// Samples of each row.
  public let rowLengths: [Int]
  /// Counted through the group's tables, one a sample.
  public let series: [UInt32]
  /// Milliseconds, one a sample.
  public let timestamps: [Int64]
  public let values: [Double]
  public let extras: GroupExtras

  init(_ columns: LooseColumns) {
    head = columns.head
    rowLengths = columns.rowLengths
    series = columns.series
    timestamps = columns.timestamps
    values = columns.values.doubles()
    extras = columns.extras
  }
}

/// Log entries, each a row.
public struct LogGroup: Sendable {
  public let head: GroupHead
  /// Counted through the group's tables, one an entry.
  public let streams: [UInt32]
  /// Nanoseconds.
  public let timestamps: [Int64]
  /// Where each line begins in `lines`, and at the end the length of all.
  public let lineStarts: [Int]
  public let lines: [UInt8]
  /// One array an entry; empty when no entry has any.
  public let structuredMetadata: [[Label]]

  init(_ columns: LogColumns) {
    head = columns.head
    streams = columns.streams
    timestamps = columns.timestamps
    var starts = [0]
    starts.reserveCapacity(columns.lengths.count + 1)
    var total = 0
    for length in columns.lengths {
      total += length
      starts.append(total)
    }
    lineStarts = starts
    lines = columns.lines
    structuredMetadata = columns.metadata
  }

  public var count: Int { streams.count }

  public func line(_ entry: Int) -> ArraySlice<UInt8> { lines[lineStarts[entry]..<lineStarts[entry + 1]] }

  public func entry(_ index: Int) -> LogEntry {
    LogEntry(
      timestamp: UnixNanoseconds(timestamps[index]), line: Array(line(index)),
      structuredMetadata: structuredMetadata.isEmpty ? [] : structuredMetadata[index])
  }
}

extension ValueColumns {
  /// The doubles, bit for bit.
  func doubles() -> [Double] {
    [Double](unsafeUninitializedCapacity: cellCount) { out, initialized in
      cells.withUnsafeBufferPointer { cells in
        Decimal.doubles.withUnsafeBufferPointer { powers in
          guard let powers = powers.baseAddress else { return }
          for series in 0..<seriesCount {
            let base = series * rowCount
            let form = forms[series]
            if form >= Form.raw {
              for index in base..<(base + rowCount) {
                out[index] = Double(bitPattern: UInt64(bitPattern: cells[index]))
              }
            } else if form == 0 {
              for index in base..<(base + rowCount) { out[index] = Double(cells[index]) }
            } else {
              let divisor = powers[Int(form)]
              for index in base..<(base + rowCount) { out[index] = Double(cells[index]) / divisor }
            }
          }
          guard let special else { return }
          for index in 0..<cellCount where special.isSet(index) {
            out[index] = Double(bitPattern: UInt64(bitPattern: cells[index]))
          }
        }
      }
      initialized = cellCount
    }
  }
}
