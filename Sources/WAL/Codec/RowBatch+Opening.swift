import Model

// A block's rows without their numbers: for rows that have to be stored under new ones.

extension RowBatch {
  /// The rows of a block that come apart again: everything in them, and none of their numbers. Decodes the block; throws when it is damaged or a table is
  /// not among `tabled.tables`.
  public init(opening tabled: TabledBlock, with opener: borrowing BlockOpener) throws(FormatError) {
    try self.init(rowsOf: opener.open(tabled.block), over: tabled.tables)
  }

  /// The rows of a block that is open already. Metrics come in the order of their numbers; log entries in that of their source, since entries of
  /// different sources that alternate would need a part each. Throws when a table is not among `tables`.
  public init(rowsOf block: OpenedBlock, over tables: [SeriesTable]) throws(FormatError) {
    let tables = try block.resolve(tables)
    switch block.header.signal {
    case .metrics:
      var rows: [(sequence: UInt64, row: MetricRow)] = []
      rows.reserveCapacity(block.header.rowCount)
      for (group, tables) in zip(block.groups, tables) {
        switch group {
        case .matrix(let matrix):
          for (sequence, row) in zip(matrix.head.sequences, matrix.rows(over: tables)) {
            rows.append((sequence, .scrape(row)))
          }
        case .loose(let loose):
          for (sequence, row) in zip(loose.head.sequences, loose.rows(over: tables)) {
            rows.append((sequence, .loose(row)))
          }
        case .logs: throw FormatError(.inconsistent, "block of metrics: a group of log entries")
        }
      }
      rows.sort { $0.sequence < $1.sequence }
      self.init(tenant: block.header.tenant, metrics: rows.map(\.row))
    case .logs:
      var groups: [(group: LogGroup, tables: [SeriesTable])] = []
      for (group, tables) in zip(block.groups, tables) {
        guard case .logs(let logs) = group else {
          throw FormatError(.inconsistent, "block of logs: a group of samples")
        }
        groups.append((logs, tables))
      }
      self.init(tenant: block.header.tenant, logs: LogParts.inOrder(groups))
    }
  }
}

private enum LogParts {
  /// A part for each group; where a source has several (its tables changed), a part for each run of entries, so that the source's order stays.
  static func inOrder(_ groups: [(group: LogGroup, tables: [SeriesTable])]) -> [LogRows] {
    var groupsOfSource: [UInt64: [Int]] = [:]
    for (index, member) in groups.enumerated() { groupsOfSource[member.group.head.source, default: []].append(index) }
    var parts: [(sequence: UInt64, rows: LogRows)] = []
    for indices in groupsOfSource.values {
      let entries = indices.flatMap { index in
        groups[index].group.head.sequences.indices.map {
          (group: index, entry: $0, sequence: groups[index].group.head.sequences[$0])
        }
      }.sorted { $0.sequence < $1.sequence }
      var last: Int?
      for (index, entry, sequence) in entries {
        let (group, tables) = groups[index]
        if last != index {
          parts.append((sequence, LogRows(source: group.head.source, tables: tables, entries: [])))
          last = index
        }
        parts[parts.count - 1].rows.entries.append(.init(stream: group.streams[entry], entry: group.entry(entry)))
      }
    }
    return parts.sorted { $0.sequence < $1.sequence }.map(\.rows)
  }
}

extension MatrixGroup {
  fileprivate func rows(over tables: [SeriesTable]) -> [ScrapeRow] {
    let seriesCount = self.seriesCount
    let rowCount = self.rowCount
    var own = [[ScrapeRow.OwnTimestamp]](repeating: [], count: rowCount)
    // They are sorted by series, and so is each row's part of them.
    for cell in ownTimestamps {
      own[cell.row].append(.init(series: UInt32(cell.series), timestamp: UnixMilliseconds(cell.timestamp)))
    }
    let extras = extras.byRow(rowCount)
    return (0..<rowCount).map { row in
      let absent: [UInt32] =
        present == nil ? [] : (0..<seriesCount).filter { !isPresent($0, row) }.map { UInt32($0) }
      return ScrapeRow(
        source: head.source, tables: tables, timestamp: UnixMilliseconds(timestamps[row]),
        values: (0..<seriesCount).map { values[$0 * rowCount + row] }, absent: absent, ownTimestamps: own[row],
        extras: extras.isEmpty ? .init() : extras[row])
    }
  }
}

extension LooseGroup {
  fileprivate func rows(over tables: [SeriesTable]) -> [LooseRow] {
    let extras = extras.byRow(rowLengths.count)
    var next = 0
    return rowLengths.enumerated().map { row, length in
      let samples = (next..<(next + length)).map {
        LooseRow.LooseSample(series: series[$0], timestamp: UnixMilliseconds(timestamps[$0]), value: values[$0])
      }
      next += length
      return LooseRow(
        source: head.source, tables: tables, samples: samples, extras: extras.isEmpty ? .init() : extras[row])
    }
  }
}

extension GroupExtras {
  /// Each row's own, or nothing at all when there are none.
  fileprivate func byRow(_ rowCount: Int) -> [MetricExtras] {
    if isEmpty { return [] }
    var result = [MetricExtras](repeating: .init(), count: rowCount)
    for item in histograms { result[item.row].histograms.append(item.value) }
    for item in exemplars { result[item.row].exemplars.append(item.value) }
    for item in created { result[item.row].created.append(item.value) }
    return result
  }
}
