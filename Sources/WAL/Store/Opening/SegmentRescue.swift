import Codec
import Glibc

/// Rebuilds a damaged segment from what can be read of it. The damaged file is copied into the quarantine first; the new one takes its
/// place by rename, so that at every moment one of the two is there.
enum SegmentRescue {
  struct Result {
    var totals: SegmentTotals
    var report: SalvageReport
  }

  /// `bound`: the next segment's first offset; nil for the newest. `sealedAt` marks the new file as sealed.
  static func rebuild(
    path: String, first: UInt64, bound: UInt64?, carried: Segment.Carried, sealedAt: Int64?, created: Int64,
    reason: String, configuration: LogConfiguration
  ) throws(LogError) -> Result {
    do throws(IntegrityError) {
      let salvage = try Salvage(scanning: path, offsets: first..<(bound ?? SegmentName.limitOffset))
      try quarantine(path, reason: reason, saved: salvage.report.description, configuration: configuration)
      var carried = carried
      note(salvage.blocks, in: &carried, at: created)
      let totals = try build(
        path: path, first: first, bound: bound, carried: carried, sealedAt: sealedAt, created: created,
        salvage: salvage, configuration: configuration)
      return Result(totals: totals, report: salvage.report)
    } catch {
      throw LogError.integrity(error)
    }
  }

  /// Copies a damaged file byte for byte.
  static func quarantine(
    _ path: String, by way: Quarantine.Way = .copying, reason: String, saved: String, configuration: LogConfiguration
  ) throws(IntegrityError) {
    let quarantine = Quarantine(
      directory: configuration.quarantineDirectory, limitBytes: UInt64(configuration.maxSizeBytes / 20))
    let note = Quarantine.Note(
      when: Calendar.text(configuration.clock.wall()), why: reason, saved: saved)
    do throws(IntegrityError) {
      _ = try quarantine.take(path, by: way, note: note)
    } catch {
      guard error.code == ENOSPC, configuration.reserve.exists else { throw error }
      configuration.reserve.release()
      _ = try quarantine.take(path, by: way, note: note)
    }
  }

  /// The rows that were found are held: a repeat of them must be known for one.
  private static func note(_ blocks: [Salvage.FoundBlock], in carried: inout Segment.Carried, at time: Int64) {
    for block in blocks where block.sequences.upperBound < .max {
      let key = ReceivedKey(tenant: block.tenant, origin: block.origin)
      var origin = carried.received[key] ?? ReceivedOrigin(lastHeard: time)
      origin.note(block.sequences, at: time)
      carried.received[key] = origin
    }
  }

  private static func build(
    path: String, first: UInt64, bound: UInt64?, carried: Segment.Carried, sealedAt: Int64?, created: Int64,
    salvage: borrowing Salvage, configuration: LogConfiguration
  ) throws(IntegrityError) -> SegmentTotals {
    let temporary = path + ".tmp"
    unlink(temporary)
    unlink(temporary + "-lock")
    defer {
      unlink(temporary)
      unlink(temporary + "-lock")
    }
    var totals = SegmentTotals(first: first)
    do throws(LogError) {
      let segment = try Segment.create(
        path: temporary, first: first, segmentBytes: configuration.segmentBytes, carrying: carried, created: created,
        wall: configuration.clock.wall().rawValue)
      for name in salvage.tables { try store(table: name, salvage, in: segment) }
      try store(blocks: salvage, in: segment, bound: bound, totals: &totals)
      if let sealedAt {
        totals.end = max(totals.end, bound ?? totals.end)
        totals.sealedAt = sealedAt
        totals.sealedWall = configuration.clock.wall().rawValue
        let encoded = totals.encoded()
        try segment.environment.write { (transaction) throws(LogError) in
          try transaction.putChecked(segment.meta, Segment.totalsKey, encoded)
        }
      }
    } catch {
      guard case .storage(let code) = error.kind else {
        throw IntegrityError("rebuild (\(error))", path: path, code: EIO)
      }
      throw IntegrityError("rebuild (\(error))", path: path, code: code)
    }
    guard rename(temporary, path) == 0 else { throw IntegrityError("rename", path: path) }
    try DurableFile.flushDirectory(of: path)
    return totals
  }

  private static func store(table name: TableName, _ salvage: borrowing Salvage, in segment: Segment) throws(LogError) {
    let found: SeriesTable?
    do throws(IntegrityError) { found = try salvage.table(name) } catch { throw LogError.integrity(error) }
    guard let found else { return }
    try segment.environment.write { (transaction) throws(LogError) in
      try transaction.put(segment.tables, name.bytes, found.bytes)
    }
  }

  /// Blocks at their offsets. One whose place is not known goes into the first gap that is wide enough, or, in the newest segment, behind
  /// all others: late is better than never.
  private static func store(
    blocks salvage: borrowing Salvage, in segment: Segment, bound: UInt64?, totals: inout SegmentTotals
  ) throws(LogError) {
    var placed: [(block: Salvage.FoundBlock, offset: UInt64)] = []
    var taken = RangeSet()
    for block in salvage.blocks {
      guard let offsets = block.offsets, offsets.upperBound < SegmentName.limitOffset else { continue }
      placed.append((block, offsets.lowerBound))
      taken.insert(offsets)
    }
    for block in salvage.blocks where block.offsets == nil {
      let rows = UInt64(block.rowCount)
      let end = max(taken.ranges.last?.upperBound ?? segment.first, segment.first)
      let gap = taken.gaps(in: segment.first..<(bound ?? end)).first { UInt64($0.count) >= rows }
      guard let offset = gap?.lowerBound ?? (bound == nil ? end : nil) else { continue }
      placed.append((block, offset))
      taken.insert(offset..<(offset + rows))
    }
    placed.sort { $0.offset < $1.offset }
    for (found, offset) in placed {
      let block: SealedBlock?
      do throws(IntegrityError) { block = try salvage.read(found) } catch { throw LogError.integrity(error) }
      guard let block else { continue }
      try segment.environment.write { (transaction) throws(LogError) in
        try transaction.append(segment.blocks, offset, RecordHead(offset: offset).encoded, block.bytes)
      }
      totals.add(block.header, at: offset)
    }
  }
}
