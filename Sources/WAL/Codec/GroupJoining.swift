import Model

// Joining groups over the same tables, and taking rows out: no label is touched and no double is made.

extension GroupColumns {
  /// The rows of `parts`, which have one key, in one group; the parts' sequences follow each other.
  static func joined(_ parts: [GroupColumns]) -> GroupColumns {
    guard let first = parts.first, parts.count > 1 else { return parts[0] }
    switch first {
    case .matrix:
      return .matrix(.joined(parts.compactMap { if case .matrix(let group) = $0 { group } else { nil } }))
    case .loose:
      return .loose(.joined(parts.compactMap { if case .loose(let group) = $0 { group } else { nil } }))
    case .logs:
      return .logs(.joined(parts.compactMap { if case .logs(let group) = $0 { group } else { nil } }))
    }
  }

  /// The group with only the rows in `range`, or nil when there are none.
  func keeping(_ range: ClosedRange<UInt64>) -> GroupColumns? {
    let rows = head.sequences.indices.filter { range.contains(head.sequences[$0]) }
    if rows.isEmpty { return nil }
    if rows.count == head.sequences.count { return self }
    switch self {
    case .matrix(let group): return .matrix(group.keeping(rows))
    case .loose(let group): return .loose(group.keeping(rows))
    case .logs(let group): return .logs(group.keeping(rows))
    }
  }
}

extension GroupHead {
  fileprivate func keeping(_ rows: [Int]) -> GroupHead {
    var head = self
    head.sequences = rows.map { sequences[$0] }
    return head
  }
}

extension MatrixColumns {
  fileprivate static func joined(_ parts: [MatrixColumns]) -> MatrixColumns {
    var result = parts[0]
    result.values = ValueColumns.joined(parts.map(\.values))
    var rows = parts[0].timestamps.count
    for part in parts.dropFirst() {
      result.head.sequences += part.head.sequences
      result.timestamps += part.timestamps
      result.ownTimestamps += part.ownTimestamps.map {
        OwnTimestampCell(series: $0.series, row: $0.row + rows, timestamp: $0.timestamp)
      }
      if !part.extras.isEmpty { result.extras.append(part.extras, rowOffset: rows) }
      rows += part.timestamps.count
    }
    result.ownTimestamps = OwnTimestampCell.ordered(result.ownTimestamps)
    return result
  }

  fileprivate func keeping(_ rows: [Int]) -> MatrixColumns {
    let newRow = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
    return MatrixColumns(
      head: head.keeping(rows), timestamps: rows.map { timestamps[$0] }, values: values.keeping(rows),
      ownTimestamps: ownTimestamps.compactMap { cell in
        newRow[cell.row].map { OwnTimestampCell(series: cell.series, row: $0, timestamp: cell.timestamp) }
      },
      extras: extras.moved { newRow[$0] })
  }
}

extension LooseColumns {
  fileprivate static func joined(_ parts: [LooseColumns]) -> LooseColumns {
    var result = parts[0]
    result.values = ValueColumns.stacked(parts.map(\.values))
    for part in parts.dropFirst() {
      if !part.extras.isEmpty { result.extras.append(part.extras, rowOffset: result.rowLengths.count) }
      result.head.sequences += part.head.sequences
      result.rowLengths += part.rowLengths
      result.series += part.series
      result.timestamps += part.timestamps
    }
    return result
  }

  fileprivate func keeping(_ rows: [Int]) -> LooseColumns {
    var starts: [Int] = [0]
    for length in rowLengths { starts.append(starts[starts.count - 1] + length) }
    let samples = rows.flatMap { Array(starts[$0]..<starts[$0 + 1]) }
    let newRow = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
    return LooseColumns(
      head: head.keeping(rows), rowLengths: rows.map { rowLengths[$0] }, series: samples.map { series[$0] },
      timestamps: samples.map { timestamps[$0] }, values: values.keeping(series: samples),
      extras: extras.moved { newRow[$0] })
  }
}

extension LogColumns {
  static func joined(_ parts: [LogColumns]) -> LogColumns {
    var result = parts[0]
    for part in parts.dropFirst() {
      result.head.sequences += part.head.sequences
      result.streams += part.streams
      result.timestamps += part.timestamps
      result.lengths += part.lengths
      result.lines += part.lines
    }
    if parts.contains(where: { !$0.metadata.isEmpty }) {
      result.metadata = parts.flatMap { part in
        part.metadata.isEmpty ? [[Label]](repeating: [], count: part.streams.count) : part.metadata
      }
    }
    return result
  }

  fileprivate func keeping(_ rows: [Int]) -> LogColumns {
    var starts: [Int] = [0]
    for length in lengths { starts.append(starts[starts.count - 1] + length) }
    let kept = rows.map { metadata.isEmpty ? [] : metadata[$0] }
    return LogColumns(
      head: head.keeping(rows), streams: rows.map { streams[$0] }, timestamps: rows.map { timestamps[$0] },
      lengths: rows.map { lengths[$0] }, lines: rows.flatMap { lines[starts[$0]..<starts[$0 + 1]] },
      metadata: kept.contains { !$0.isEmpty } ? kept : [])
  }
}
