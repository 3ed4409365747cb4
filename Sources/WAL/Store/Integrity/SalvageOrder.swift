import Model

/// Which of the blocks found in a damaged file are the segment's, and in which order. Pure.
enum SalvageOrder {
  typealias Found = Salvage.FoundBlock

  /// Sorted by offset without overlaps, then strays without a place. What is left out is counted in the report.
  ///
  /// Of two different blocks that claim the same rows, the one that stands first in the file is kept. Such pairs come from a
  /// transaction that a crash left uncommitted: its pages are handed out again from the first on, so that what survives of it
  /// stands further back.
  static func resolve(
    _ records: [Found], strays: [Found], within: Range<UInt64>, report: inout SalvageReport
  ) -> [Found] {
    var kept: [Found] = []
    let sorted = records.sorted { a, b in
      let (x, y) = (a.offsets?.lowerBound ?? 0, b.offsets?.lowerBound ?? 0)
      return x != y ? x < y : a.position < b.position
    }
    for record in sorted {
      guard let offsets = record.offsets else { continue }
      guard let last = kept.last, let lastOffsets = last.offsets, lastOffsets.upperBound > offsets.lowerBound else {
        kept.append(record)
        continue
      }
      if lastOffsets == offsets, last.origin == record.origin, last.tenant == record.tenant,
        last.sequences == record.sequences
      {
        report.duplicates += 1
      } else {
        report.conflicts += 1
        if record.position < last.position { kept[kept.count - 1] = record }
      }
    }
    let unplaced = place(strays, into: &kept, within: within, report: &report)
    report.missing = gaps(in: kept, within: within)
    report.unplaced = unplaced.count
    let all = kept + unplaced
    report.blocks = all.count
    report.rows = all.reduce(0) { $0 + $1.rowCount }
    return all
  }

  /// Offsets that no block covers. Without an upper bound the last block's end is taken for it.
  static func gaps(in kept: [Found], within: Range<UInt64>) -> [Range<UInt64>] {
    var gaps: [Range<UInt64>] = []
    var next = within.lowerBound
    // Without a lower bound nothing is known before the first block.
    if next == 0, let first = kept.first?.offsets { next = first.lowerBound }
    for block in kept {
      guard let offsets = block.offsets else { continue }
      if offsets.lowerBound > next { gaps.append(next..<offsets.lowerBound) }
      next = max(next, offsets.upperBound)
    }
    if within.upperBound != .max, next < within.upperBound { gaps.append(next..<within.upperBound) }
    return gaps
  }

  /// Gives strays their offsets back where exactly one stray fits exactly one gap. Gives back those without a place, without
  /// the copies of blocks that are there.
  private static func place(
    _ strays: [Found], into kept: inout [Found], within: Range<UInt64>, report: inout SalvageReport
  ) -> [Found] {
    struct Who: Hashable {
      let origin: Origin
      let tenant: Tenant
      let first: UInt64
    }
    var known = Set(kept.map { Who(origin: $0.origin, tenant: $0.tenant, first: $0.sequences.lowerBound) })
    let left = strays.filter {
      known.insert(Who(origin: $0.origin, tenant: $0.tenant, first: $0.sequences.lowerBound)).inserted
    }
    report.duplicates += strays.count - left.count
    guard !left.isEmpty else { return [] }
    let open = Dictionary(grouping: gaps(in: kept, within: within)) { $0.count }
    let bySize = Dictionary(grouping: left) { $0.rowCount }
    var unplaced: [Found] = []
    for var stray in left {
      if let gap = open[stray.rowCount], gap.count == 1, bySize[stray.rowCount]?.count == 1 {
        stray.offsets = gap[0]
        kept.append(stray)
        report.placed += 1
      } else {
        unplaced.append(stray)
      }
    }
    kept.sort { ($0.offsets?.lowerBound ?? 0) < ($1.offsets?.lowerBound ?? 0) }
    return unplaced
  }
}
