import Model

// Blocks cut ever smaller: what a lane does with a request that was refused, to find the rows or series at fault.

/// A block cut in two.
public enum BlockHalves: Sendable {
  /// Whole rows each.
  case rows(TabledBlock, TabledBlock)
  /// The same single row, each with a part of its series. Such blocks go into requests and dead letters only: a log takes no parts of rows.
  case series(TabledBlock, TabledBlock)
  /// One series of one row, or one log entry.
  case indivisible
}

extension BlockSealer {
  /// The first and the second half of the rows that `shard` holds (rows of other shards stay where they are), or of the series when it holds a
  /// single row.
  public mutating func halves(of tabled: TabledBlock, shard: Shard? = nil) throws(FormatError) -> BlockHalves {
    let block = tabled.block
    let groups = try opener.groups(of: block)
    let wanted = groups.filter { shard?.holds(source: $0.head.source) ?? true }
    let sequences = wanted.flatMap(\.head.sequences).sorted()
    guard let only = sequences.first else { return .indivisible }
    let identity = Identity(block.header)
    if sequences.count > 1 {
      let all = block.header.sequences
      let middle = sequences[sequences.count / 2]
      return .rows(
        try part(of: tabled, groups.compactMap { $0.keeping(all.lowerBound...(middle - 1)) }, identity),
        try part(of: tabled, groups.compactMap { $0.keeping(middle...all.upperBound) }, identity))
    }
    guard let row = wanted.lazy.compactMap({ $0.keeping(only...only) }).first, let (left, right) = row.seriesHalves
    else { return .indivisible }
    return .series(try part(of: tabled, [left], identity), try part(of: tabled, [right], identity))
  }

  /// The rows of one shard, as blocks of rows that follow each other.
  public mutating func rows(of tabled: TabledBlock, in shard: Shard) throws(FormatError) -> [TabledBlock] {
    let groups = try opener.groups(of: tabled.block).filter { shard.holds(source: $0.head.source) }
    var runs: [ClosedRange<UInt64>] = []
    for sequence in groups.flatMap(\.head.sequences).sorted() {
      if let last = runs.last, last.upperBound + 1 == sequence {
        runs[runs.count - 1] = last.lowerBound...sequence
      } else {
        runs.append(sequence...sequence)
      }
    }
    var result: [TabledBlock] = []
    for run in runs {
      result.append(try part(of: tabled, groups.compactMap { $0.keeping(run) }, Identity(tabled.block.header)))
    }
    return result
  }

  private mutating func part(
    of tabled: TabledBlock, _ groups: [GroupColumns], _ identity: Identity
  ) throws(FormatError) -> TabledBlock {
    let block = try assemble(groups, identity)
    return TabledBlock(
      block: block, tables: block.header.tables.compactMap { name in tabled.tables.first { $0.name == name } })
  }
}

extension GroupColumns {
  /// A group of one row as two with half of its series each, or of its samples when they are all of one series; nil when that cannot be.
  fileprivate var seriesHalves: (GroupColumns, GroupColumns)? {
    switch self {
    case .matrix(let row):
      let series = row.seriesInUse
      guard series.count > 1 else { return nil }
      let left = Set(series[..<(series.count / 2)])
      return (.matrix(row.keepingSeries { left.contains($0) }), .matrix(row.keepingSeries { !left.contains($0) }))
    case .loose(let row):
      let series = row.seriesInUse
      if series.count > 1 {
        let left = Set(series[..<(series.count / 2)])
        return (
          .loose(
            row.keeping(samples: row.series.indices.filter { left.contains(Int(row.series[$0])) }) { left.contains($0) }
          ),
          .loose(
            row.keeping(samples: row.series.indices.filter { !left.contains(Int(row.series[$0])) }) {
              !left.contains($0)
            })
        )
      }
      guard row.series.count > 1 else { return nil }
      let middle = row.series.count / 2
      return (
        .loose(row.keeping(samples: Array(0..<middle)) { _ in true }),
        .loose(row.keeping(samples: Array(middle..<row.series.count)) { _ in false })
      )
    case .logs: return nil
    }
  }
}

extension MatrixColumns {
  /// Of a single row: the series with a value or anything else, ascending.
  fileprivate var seriesInUse: [Int] {
    let present = (0..<values.seriesCount).filter {
      values.isPresent($0, 0) && values.forms[$0] != ValueColumns.Form.absent
    }
    return Array(Set(present).union(extras.series)).sorted()
  }

  fileprivate func keepingSeries(_ isKept: (Int) -> Bool) -> MatrixColumns {
    var result = self
    for series in 0..<values.seriesCount where !isKept(series) {
      result.values.forms[series] = ValueColumns.Form.absent
      result.values.present?.clear(series)
      result.values.special?.clear(series)
    }
    result.ownTimestamps = ownTimestamps.filter { isKept($0.series) }
    result.extras = extras.keepingSeries(isKept)
    return result
  }
}

extension LooseColumns {
  /// Of a single row.
  fileprivate var seriesInUse: [Int] { Array(Set(series.map { Int($0) }).union(extras.series)).sorted() }

  fileprivate func keeping(samples: [Int], extrasOf isKept: (Int) -> Bool) -> LooseColumns {
    LooseColumns(
      head: head, rowLengths: [samples.count], series: samples.map { series[$0] },
      timestamps: samples.map { timestamps[$0] }, values: values.keeping(series: samples),
      extras: extras.keepingSeries(isKept))
  }
}

extension GroupExtras {
  fileprivate var series: Set<Int> {
    Set(
      histograms.map { Int($0.value.series) } + exemplars.map { Int($0.value.series) }
        + created.map { Int($0.value.series) })
  }

  fileprivate func keepingSeries(_ isKept: (Int) -> Bool) -> GroupExtras {
    GroupExtras(
      histograms: histograms.filter { isKept(Int($0.value.series)) },
      exemplars: exemplars.filter { isKept(Int($0.value.series)) },
      created: created.filter { isKept(Int($0.value.series)) })
  }
}
