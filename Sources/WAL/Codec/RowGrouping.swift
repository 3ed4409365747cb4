import Model

/// Brings rows into groups: those of one source over the same tables become one matrix (or one list of loose samples or entries).
enum RowGrouping {
  /// Numbers the rows from `firstSequence` in the order given. Throws for a row that contradicts its tables, before anything else
  /// is done with it.
  static func groups(metrics rows: ArraySlice<MetricRow>, firstSequence: UInt64) throws(FormatError) -> [GroupColumns] {
    var order: [GroupHead.Key: Int] = [:]
    var members: [[(sequence: UInt64, row: MetricRow)]] = []
    for (index, row) in rows.enumerated() {
      try row.check(index)
      let key = GroupHead.Key(
        kind: row.kind, source: row.source, tables: row.tables.map(\.name), tableSeries: row.tables.map(\.seriesCount))
      if let at = order[key] {
        members[at].append((firstSequence + UInt64(index), row))
      } else {
        order[key] = members.count
        members.append([(firstSequence + UInt64(index), row)])
      }
    }
    return members.map { group in
      let head = head(of: group[0].row.tables, group[0].row.source, group.map(\.sequence))
      let scrapes = group.compactMap { member -> ScrapeRow? in
        if case .scrape(let row) = member.row { row } else { nil }
      }
      if scrapes.count == group.count { return .matrix(matrix(head, scrapes)) }
      return .loose(
        loose(
          head,
          group.compactMap { member -> LooseRow? in if case .loose(let row) = member.row { row } else { nil } }))
    }
  }

  static func groups(logs: ArraySlice<LogRows>, firstSequence: UInt64) throws(FormatError) -> [GroupColumns] {
    var order: [GroupHead.Key: Int] = [:]
    var groups: [[LogColumns]] = []
    var sequence = firstSequence
    for (index, rows) in logs.enumerated() {
      try check(rows.tables, "log rows \(index)", signal: .logs)
      let seriesCount = rows.tables.reduce(0) { $0 + $1.seriesCount }
      guard rows.entries.allSatisfy({ $0.stream < seriesCount }) else {
        throw FormatError(.inconsistent, "log rows \(index): a stream past the \(seriesCount) of its tables")
      }
      let count = rows.entries.count
      guard count > 0 else { continue }
      let head = head(of: rows.tables, rows.source, (0..<UInt64(count)).map { sequence + $0 })
      sequence += UInt64(count)
      let columns = LogColumns(
        head: head, streams: rows.entries.map(\.stream), timestamps: rows.entries.map(\.entry.timestamp.rawValue),
        lengths: rows.entries.map(\.entry.line.count), lines: rows.entries.flatMap(\.entry.line),
        metadata: rows.entries.contains { !$0.entry.structuredMetadata.isEmpty }
          ? rows.entries.map(\.entry.structuredMetadata) : [])
      let key = head.key(GroupColumns.logsKind)
      if let at = order[key] {
        groups[at].append(columns)
      } else {
        order[key] = groups.count
        groups.append([columns])
      }
    }
    return groups.map { .logs(LogColumns.joined($0)) }
  }

  private static func head(of tables: [SeriesTable], _ source: UInt64, _ sequences: [UInt64]) -> GroupHead {
    GroupHead(
      tables: tables.map(\.name), tableSeries: tables.map(\.seriesCount), source: source, sequences: sequences)
  }

  private static func matrix(_ head: GroupHead, _ rows: [ScrapeRow]) -> MatrixColumns {
    let seriesCount = head.seriesCount
    let rowCount = rows.count
    let cells = [Int64](unsafeUninitializedCapacity: seriesCount * rowCount) { cells, initialized in
      for (row, scrape) in rows.enumerated() {
        scrape.values.withUnsafeBufferPointer { values in
          var at = row
          for value in values {
            cells[at] = Int64(bitPattern: value.bitPattern)
            at += rowCount
          }
        }
      }
      initialized = seriesCount * rowCount
    }
    var present: Bitmap?
    if rows.contains(where: { !$0.absent.isEmpty }) {
      var bitmap = Bitmap(count: seriesCount * rowCount, allSet: true)
      for (row, scrape) in rows.enumerated() {
        for series in scrape.absent { bitmap.clear(Int(series) * rowCount + row) }
      }
      present = bitmap
    }
    var extras = GroupExtras()
    for (row, scrape) in rows.enumerated() where !scrape.extras.isEmpty { extras.append(scrape.extras, row: row) }
    return MatrixColumns(
      head: head, timestamps: rows.map(\.timestamp.rawValue),
      values: ValueColumns(classifying: cells, seriesCount: seriesCount, rowCount: rowCount, present: present),
      ownTimestamps: OwnTimestampCell.ordered(
        rows.enumerated().flatMap { row, scrape in
          scrape.ownTimestamps.map {
            OwnTimestampCell(series: Int($0.series), row: row, timestamp: $0.timestamp.rawValue)
          }
        }),
      extras: extras)
  }

  private static func loose(_ head: GroupHead, _ rows: [LooseRow]) -> LooseColumns {
    let samples = rows.flatMap(\.samples)
    var extras = GroupExtras()
    for (row, loose) in rows.enumerated() where !loose.extras.isEmpty { extras.append(loose.extras, row: row) }
    return LooseColumns(
      head: head, rowLengths: rows.map(\.samples.count), series: samples.map(\.series),
      timestamps: samples.map(\.timestamp.rawValue),
      values: ValueColumns(
        classifying: samples.map { Int64(bitPattern: $0.valueBits) }, seriesCount: samples.count, rowCount: 1,
        present: nil),
      extras: extras)
  }

  fileprivate static func check(_ tables: [SeriesTable], _ what: String, signal: Signal) throws(FormatError) {
    guard (1...FormatLimits.groupTables).contains(tables.count) else {
      throw FormatError(.inconsistent, "\(what): \(tables.count) tables, 1 to \(FormatLimits.groupTables)")
    }
    guard tables.allSatisfy({ $0.signal == signal }) else {
      throw FormatError(.inconsistent, "\(what): a table of another signal")
    }
  }
}

extension MetricRow {
  var kind: UInt8 {
    switch self {
    case .scrape: GroupColumns.matrixKind
    case .loose: GroupColumns.looseKind
    }
  }

  var source: UInt64 {
    switch self {
    case .scrape(let row): row.source
    case .loose(let row): row.source
    }
  }

  var tables: [SeriesTable] {
    switch self {
    case .scrape(let row): row.tables
    case .loose(let row): row.tables
    }
  }

  /// Cells of the row, and at most how many bytes they take in a payload.
  var weight: (cells: Int, bytes: Int) {
    switch self {
    case .scrape(let row):
      (row.values.count, row.values.count * 11 + row.ownTimestamps.count * 20 + row.extras.limitBytes + 256)
    case .loose(let row): (row.samples.count, row.samples.count * 26 + row.extras.limitBytes + 256)
    }
  }

  fileprivate func check(_ index: Int) throws(FormatError) {
    try RowGrouping.check(tables, "row \(index)", signal: .metrics)
    let seriesCount = tables.reduce(0) { $0 + $1.seriesCount }
    let extras: MetricExtras
    switch self {
    case .scrape(let row):
      extras = row.extras
      guard row.values.count == seriesCount else {
        throw FormatError(.inconsistent, "row \(index): \(row.values.count) values for \(seriesCount) series")
      }
      guard isAscending(row.absent), row.absent.last.map({ $0 < seriesCount }) ?? true else {
        throw FormatError(.inconsistent, "row \(index): absent series not ascending, or past \(seriesCount)")
      }
      let own = row.ownTimestamps.map(\.series)
      guard isAscending(own), own.last.map({ $0 < seriesCount }) ?? true else {
        throw FormatError(.inconsistent, "row \(index): own timestamps not ascending, or past \(seriesCount)")
      }
      if !own.isEmpty, !row.absent.isEmpty, !Set(own).isDisjoint(with: row.absent) {
        throw FormatError(.inconsistent, "row \(index): an own timestamp of an absent series")
      }
    case .loose(let row):
      extras = row.extras
      guard row.samples.allSatisfy({ $0.series < seriesCount }) else {
        throw FormatError(.inconsistent, "row \(index): a series past the \(seriesCount) of its tables")
      }
    }
    guard
      extras.histograms.allSatisfy({ $0.series < seriesCount && $0.histogram.isWithinLimits })
        && extras.exemplars.allSatisfy({
          $0.series < seriesCount && $0.exemplar.labels.pairs.count <= FormatLimits.seriesLabels
        })
        && extras.created.allSatisfy({ $0.series < seriesCount })
    else {
      throw FormatError(
        .inconsistent, "row \(index): an extra of a series past the \(seriesCount), or with too many buckets or labels")
    }
  }

  private func isAscending(_ series: [UInt32]) -> Bool {
    zip(series, series.dropFirst()).allSatisfy { $0 < $1 }
  }
}

extension MetricExtras {
  /// More than what they take in a payload.
  fileprivate var limitBytes: Int {
    histograms.reduce(0) { $0 + $1.histogram.limitBytes } + created.count * 25
      + exemplars.reduce(0) { total, item in
        total + 40 + item.exemplar.labels.pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 20 }
      }
  }
}
