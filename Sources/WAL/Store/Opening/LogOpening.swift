import Codec
import Glibc

/// Opens a log: takes the lock, looks at what the last process left, mends it, and makes the writer.
///
/// The directory is the truth; the catalog saves opening each segment, so that a log with 1,600 of them opens as fast as an empty one.
/// Only the newest segment and the catalog are looked at, and both are walked in a child process first.
struct LogOpening {
  let configuration: LogConfiguration
  var report = OpeningReport()
  var contents = Catalog.Contents()
  /// Cursors that are older than what was delivered: from a copy, or made anew.
  var copiedConsumers: Set<String> = []
  /// Ascending; without the newest, which becomes the active one.
  var sealed: [SegmentInfo] = []

  init(_ configuration: LogConfiguration) throws(LogError) {
    try configuration.validate()
    self.configuration = configuration
  }

  mutating func run() throws(LogError) -> (LogCore, LogWriter) {
    let start = Monotonic.now
    let isNew = Files.length(configuration.segmentsDirectory) == nil
    for directory in [
      configuration.directory, configuration.segmentsDirectory, configuration.quarantineDirectory,
      configuration.deadLettersDirectory, configuration.requestsDirectory,
    ] { try Files.makeDirectory(directory) }
    let lock = try LogLock(directory: configuration.directory)
    try DeadLetterFolder(directory: configuration.deadLettersDirectory).removeTemporaries()
    if isNew { report.findings.append(.created) }
    let clean = CleanStop.read(configuration.cleanStopPath)
    if try Files.remove(configuration.cleanStopPath) { try Files.flushDirectory(configuration.directory) }
    if clean == nil, !isNew { report.findings.append(.uncleanStop) }
    if configuration.keepsReserve, !configuration.reserve.ensure() { report.findings.append(.noReserve) }

    var (firsts, withSums) = try listSegments()
    let (catalog, isCatalogNew) = try openCatalog()
    let clock = configuration.clock
    var time = logTime(clock)
    let tail = try openTail(&firsts, time: time)
    // Without a catalog only the files tell how far the log's own time had come.
    let latest = try tail?.latestTime() ?? 0
    time = logTime(clock, least: latest)
    if isCatalogNew {
      if !firsts.isEmpty || tail != nil { report.findings.append(.catalogMissing) }
      contents.consumers.merge(tail?.carried.consumers ?? [:]) { mine, _ in mine }
      copiedConsumers = Set(contents.consumers.keys)
    }
    if contents.damaged > 0 { replaceDamaged(tail?.carried, oldest: firsts.first ?? tail?.segment.first ?? 0) }
    sealed = estimate(firsts, bound: tail?.segment.first, now: time.at(sinceBoot: clock.sinceBoot()))
    time = logTime(clock, least: sealed.reduce(latest) { max($0, $1.totals.sealedAt) })
    // Offsets that were given are not given again, even when the rows are gone: cursors may stand past them.
    let known = contents.consumers.values.reduce(max(contents.end, clean?.end ?? 0)) { max($0, $1.delivered.end) }
    let active: Tail
    if let tail { active = tail } else { active = try begin(at: max(known, sealed.last?.totals.end ?? 0), time: time) }
    var activeTotals = active.totals
    var sealMarked = false
    if activeTotals.isSealed { sealMarked = true }
    activeTotals.sealedAt = -1
    let end = max(activeTotals.end, known)
    reportMissing(active: active.segment.first)
    if activeTotals.end < end { report.findings.append(.rowsMissing(from: activeTotals.end, to: end)) }

    var infos = sealed
    infos.append(SegmentInfo(totals: activeTotals, fileBytes: Files.length(active.segment.path) ?? 0))
    moveCursors(to: infos[0].first, isCatalogNew: isCatalogNew)
    // What they had sent since, nobody knows any more.
    for name in copiedConsumers { contents.consumers[name]?.sentBound = end }
    let isChanged = isCatalogNew || contents.damaged > 0 || !report.isClean
    let consumers = contents.consumers.mapValues { Consumer(record: $0, isDirty: isChanged, sentLimit: end) }
    var state = LogState(
      segments: infos, active: active.segment, end: end, positions: active.carried.positions, consumers: consumers)
    state.positionBytes = state.positions.reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
    report.segments = infos.count
    report.firstOffset = infos.first?.first ?? end
    report.endOffset = end
    let core = LogCore(configuration: configuration, state: state, time: time)
    let (received, unsaved) = receivedRows(active.carried, isCatalogNew: isCatalogNew)
    let writer = try LogWriter(
      core: core, lock: lock, catalog: catalog, active: active.segment, received: received, unsavedOrigins: unsaved,
      withoutSums: sealed.map(\.first).filter { !withSums.contains($0) })
    writer.isSealMarked = sealMarked
    writer.measureOthers()
    // What the segments have told is in no catalog yet, and the next opening does not ask them.
    if report.findings.contains(.originsFromSegments) { writer.saveOrigins() }
    if sealMarked {
      do throws(LogError) {
        try writer.rollIfNotEmpty()
      } catch {
        // The next commit takes the mark off and makes room as it always does; a full disk keeps no agent from starting.
        guard error.isFull else { throw error }
      }
    }
    OpenLogs.add(configuration.directory, core: core, catalog: catalog)
    report.milliseconds = Double(Monotonic.now - start) / 1_000_000
    return (core, writer)
  }

  // MARK: - The directory

  /// The segments' first offsets, ascending, and those that have page checksums. What a crash left half made is cleared away.
  private mutating func listSegments() throws(LogError) -> ([UInt64], Set<UInt64>) {
    let directory = configuration.segmentsDirectory
    var firsts: [UInt64] = []
    var sums: Set<UInt64> = []
    var locks: [UInt64] = []
    for name in try Files.list(directory) {
      if let first = SegmentName.first(name) {
        firsts.append(first)
      } else if let first = SegmentName.first(ofSums: name) {
        sums.insert(first)
      } else if let first = SegmentName.first(ofLock: name) {
        locks.append(first)
      } else if name.hasSuffix(".tmp") || name.hasSuffix(".tmp-lock") {
        // A rebuilt segment or sums that never got their name.
        try Files.remove("\(directory)/\(name)")
      } else {
        report.findings.append(.unknownFile("segments/\(name)"))
      }
    }
    let there = Set(firsts)
    for orphan in sums.subtracting(there) {
      try Files.remove("\(directory)/\(SegmentName.digits(orphan))\(SegmentName.sumsSuffix)")
    }
    for first in locks where first != firsts.last {
      try Files.remove("\(directory)/\(SegmentName.digits(first))\(SegmentName.lockSuffix)")
    }
    return (firsts, sums.intersection(there))
  }

  // MARK: - The catalog

  private mutating func openCatalog() throws(LogError) -> (Catalog, isNew: Bool) {
    let path = configuration.catalogPath
    let length = Files.length(path)
    if let length, length > 0 {
      var reason: String?
      do throws(IntegrityError) {
        if case .broken(let found) = try TreeWalk.walk(path) { reason = found.description }
      } catch {
        throw LogError.integrity(error)
      }
      if reason == nil {
        do throws(LogError) {
          let catalog = try Catalog(path: path)
          contents = try catalog.contents()
          if contents.damaged > 0 {
            report.findings.append(.entriesDamaged(file: "catalog.lmdb", count: contents.damaged))
          }
          return (catalog, false)
        } catch {
          guard error.kind == .damaged || error.isLMDBCorruption else { throw error }
          reason = error.what
        }
      }
      report.findings.append(.catalogRebuilt(reason: reason ?? ""))
      do throws(IntegrityError) {
        try SegmentRescue.quarantine(
          path, by: .moving, reason: reason ?? "",
          saved: "cursors and positions as of the last roll, from the segments",
          configuration: configuration)
      } catch {
        throw LogError.integrity(error)
      }
    }
    try Files.remove(path)
    try Files.remove(path + "-lock")
    let catalog = try Catalog(path: path)
    try Files.flushDirectory(configuration.directory)
    return (catalog, true)
  }

  /// Cursors that do not fit their checksum are taken from the newest segment's copy; one that has none starts at the oldest row, since a
  /// repeat is better than a loss.
  private mutating func replaceDamaged(_ carried: Segment.Carried?, oldest: UInt64) {
    let known = Set(contents.consumers.keys)
    contents.consumers.merge(carried?.consumers ?? [:]) { mine, _ in mine }
    for name in contents.damagedConsumers where contents.consumers[name] == nil {
      contents.consumers[name] = ConsumerRecord(base: oldest, createdWall: configuration.clock.wall().rawValue)
    }
    copiedConsumers = Set(contents.consumers.keys).subtracting(known)
  }

  /// No cursor waits for rows that no segment can hold any more. Those that were not delivered are missing; how much that is only a
  /// catalog knows that was not made anew.
  private mutating func moveCursors(to oldest: UInt64, isCatalogNew: Bool) {
    for (name, record) in contents.consumers {
      var record = record
      let rows = record.delivered.skip(to: oldest)
      if !isCatalogNew { record.missingRows += rows }
      contents.consumers[name] = record
    }
  }

  /// Goes on from the catalog's mark; `least` is known to have been reached.
  private func logTime(_ clock: LogClock, least known: Int64 = 0) -> LogTime {
    let least = contents.totals.values.reduce(known) { max($0, $1.sealedAt) }
    return LogTime(
      continuing: contents.time, least: least, bootName: clock.bootName(), sinceBoot: clock.sinceBoot(),
      wall: clock.wall().rawValue)
  }

  /// What the newest segment and the catalog know of other logs' rows. Without the catalog that it needs, what the segments before it know.
  private mutating func receivedRows(
    _ carried: Segment.Carried, isCatalogNew: Bool
  ) -> (ReceivedRows, unsaved: Set<ReceivedKey>) {
    var received = ReceivedRows(contents.received)
    received.formUnion(carried.received)
    var unsaved = Set(carried.received.keys)
    if carried.needsCatalog, isCatalogNew {
      for segment in sealed.suffix(LogOpening.limitReceived) {
        guard let older = (try? carriedBy(segment.first))?.received else { continue }
        received.formUnion(older)
        unsaved.formUnion(older.keys)
      }
      report.findings.append(.originsFromSegments)
    }
    return (received, unsaved)
  }

  /// Segments that are read for what the catalog should know; all of a large log would take too long.
  private static let limitReceived = 16

  // MARK: - The newest segment

  struct Tail {
    var segment: Segment
    var totals: SegmentTotals
    var carried: Segment.Carried

    /// The latest moment of the log's own time that the segment speaks of.
    func latestTime() throws(LogError) -> Int64 {
      let created = try segment.head()?.created ?? 0
      return carried.received.values.reduce(max(created, totals.sealedAt)) { max($0, $1.lastHeard) }
    }
  }

  /// Opens the newest segment that has anything in it; nil when there is none. `firsts` is left without it.
  private mutating func openTail(_ firsts: inout [UInt64], time: LogTime) throws(LogError) -> Tail? {
    while let first = firsts.popLast() {
      let path = "\(configuration.segmentsDirectory)/\(SegmentName.file(first))"
      if try wasNeverWritten(path) {
        try removeEmpty(path)
        continue
      }
      let reason: String
      switch try check(path, first) {
      case .sound(let segment):
        let tail = try look(into: segment)
        // A roll that failed after its new file was made: the old one may have taken rows since.
        guard tail.totals.blocks == 0, try LMDBFile.transactions(path)?.max() == 1, let before = firsts.last,
          try wasNotSealed(before)
        else { return tail }
        try removeEmpty(path)
        continue
      case .damaged(let found): reason = found
      }
      return try rescueTail(first, path: path, firsts: &firsts, reason: reason, time: time)
    }
    return nil
  }

  private enum Check {
    case sound(Segment)
    case damaged(String)
  }

  /// Walks the file in a child process, opens it, and compares what its keys say with what they stand for.
  private func check(_ path: String, _ first: UInt64) throws(LogError) -> Check {
    do throws(IntegrityError) {
      if case .broken(let found) = try TreeWalk.walk(path) { return .damaged(found.description) }
    } catch {
      throw LogError.integrity(error)
    }
    do throws(LogError) {
      let segment = try Segment.open(
        path: path, first: first, mode: .writing, segmentBytes: configuration.segmentBytes)
      if let contradiction = try segment.contradiction() { return .damaged(contradiction) }
      return .sound(segment)
    } catch {
      guard error.kind == .damaged || error.isLMDBCorruption else { throw error }
      return .damaged(error.what)
    }
  }

  /// Whether a crash came between making the file and its first commit. Told by the file alone, and only when there is no block in it
  /// either: a damaged segment must never be taken for one that was never written to.
  private func wasNeverWritten(_ path: String) throws(LogError) -> Bool {
    guard let length = Files.length(path), length > 0 else { return true }
    let transactions = try LMDBFile.transactions(path)
    guard length < 2 * LMDBFile.pageBytes || transactions == [0, 0] else { return false }
    do throws(IntegrityError) {
      let salvage = try Salvage(scanning: path)
      return salvage.blocks.isEmpty && salvage.report.damagedBlocks == 0 && salvage.report.unreadableBytes == 0
    } catch {
      throw LogError.integrity(error)
    }
  }

  /// Whether the segment before an empty newest one has no mark that it was sealed. What cannot be read counts as sealed.
  private func wasNotSealed(_ first: UInt64) throws(LogError) -> Bool {
    guard contents.totals[first]?.isSealed != true else { return false }
    let path = "\(configuration.segmentsDirectory)/\(SegmentName.file(first))"
    guard try SegmentCheck.damage(path: path, sums: nil) == nil else { return false }
    return try Segment.open(path: path, first: first, mode: .readingSealed).sealedTotals() == nil
  }

  private mutating func removeEmpty(_ path: String) throws(LogError) {
    try Files.remove(path)
    try Files.remove(path + "-lock")
    try Files.flushDirectory(configuration.segmentsDirectory)
    report.findings.append(.emptySegmentRemoved(file: String(path.split(separator: "/").last ?? "")))
  }

  private mutating func look(into segment: Segment) throws(LogError) -> Tail {
    var (totals, _) = try segment.countedTotals()
    if let marked = try segment.sealedTotals() { totals.sealedAt = marked.sealedAt }
    var (carried, damaged) = try segment.carried()
    if damaged > 0 {
      // A position that is lost means reading its source from the start; the catalog's copy is as of the last roll.
      carried.positions.merge(contents.positions) { mine, _ in mine }
      report.findings.append(.positionsFromCopy)
      report.findings.append(.entriesDamaged(file: "segments/\(SegmentName.file(segment.first))", count: damaged))
    }
    return Tail(segment: segment, totals: totals, carried: carried)
  }

  private mutating func rescueTail(
    _ first: UInt64, path: String, firsts: inout [UInt64], reason: String, time: LogTime
  ) throws(LogError) -> Tail {
    var carried = Segment.Carried(positions: contents.positions, consumers: contents.consumers)
    if let before = firsts.last, let older = try? carriedBy(before) { carried = older }
    let configuration = configuration
    let rebuilt = try makingRoom(&firsts, newest: first) { () throws(LogError) in
      try SegmentRescue.rebuild(
        path: path, first: first, bound: nil, carried: carried, sealedAt: nil,
        created: time.at(sinceBoot: configuration.clock.sinceBoot()), reason: reason, configuration: configuration)
    }
    report.findings.append(
      .segmentRebuilt(
        file: "segments/\(SegmentName.file(first))", reason: reason, blocks: Int(rebuilt.totals.blocks),
        rows: rebuilt.totals.rows))
    for range in rebuilt.report.missing {
      report.findings.append(.rowsMissing(from: range.lowerBound, to: range.upperBound))
    }
    if !carried.positions.isEmpty { report.findings.append(.positionsFromCopy) }
    try Files.remove(path + "-lock")
    return try look(
      into: try Segment.open(path: path, first: first, mode: .writing, segmentBytes: configuration.segmentBytes))
  }

  /// Runs `body`; on a full disk gives it the reserve, then, where the policy says so, the oldest segments, one after the other.
  private mutating func makingRoom<R>(
    _ firsts: inout [UInt64], newest: UInt64, _ body: () throws(LogError) -> R
  ) throws(LogError) -> R {
    while true {
      do throws(LogError) {
        return try body()
      } catch {
        guard error.isFull else { throw error }
        if configuration.reserve.exists {
          configuration.reserve.release()
          continue
        }
        guard configuration.whenFull == .dropOldest, let oldest = firsts.first else { throw error }
        let end = firsts.count > 1 ? firsts[1] : newest
        try Files.remove("\(configuration.segmentsDirectory)/\(SegmentName.file(oldest))")
        firsts.removeFirst()
        for (name, record) in contents.consumers {
          var record = record
          record.droppedRows += record.delivered.skip(to: end)
          contents.consumers[name] = record
        }
        report.findings.append(.droppedForRoom(from: oldest, to: end))
      }
    }
  }

  /// Positions and received ranges as the segment before the newest has them: at most one segment old.
  private func carriedBy(_ first: UInt64) throws(LogError) -> Segment.Carried? {
    let path = "\(configuration.segmentsDirectory)/\(SegmentName.file(first))"
    guard try SegmentCheck.damage(path: path, sums: PageSums.path(besides: path)) == nil else { return nil }
    return try Segment.open(path: path, first: first, mode: .readingSealed).carried().carried
  }

  /// A log without any segment gets its first one.
  private func begin(at first: UInt64, time: LogTime) throws(LogError) -> Tail {
    let clock = configuration.clock
    let path = "\(configuration.segmentsDirectory)/\(SegmentName.file(first))"
    let carried = Segment.Carried(positions: contents.positions, consumers: contents.consumers)
    let segment = try Segment.create(
      path: path, first: first, segmentBytes: configuration.segmentBytes, carrying: carried,
      created: time.at(sinceBoot: clock.sinceBoot()), wall: clock.wall().rawValue)
    try Files.flushDirectory(configuration.segmentsDirectory)
    return Tail(segment: segment, totals: SegmentTotals(first: first), carried: carried)
  }

  // MARK: - The others

  /// How many segments that the catalog does not know are opened at once; more would make opening as slow as the log is large.
  private static let limitOpened = 4

  /// The sealed segments without opening them. For those that the catalog does not know, the newest few are read, the others guessed from
  /// name and length until a lane reads them.
  private func estimate(_ firsts: [UInt64], bound: UInt64?, now: Int64) -> [SegmentInfo] {
    var infos: [SegmentInfo] = []
    infos.reserveCapacity(firsts.count + 1)
    let unknown = firsts.filter { contents.totals[$0] == nil }
    let opened = Set(unknown.suffix(LogOpening.limitOpened))
    for (index, first) in firsts.enumerated() {
      let path = "\(configuration.segmentsDirectory)/\(SegmentName.file(first))"
      let fileBytes = Files.length(path) ?? 0
      let next = index + 1 < firsts.count ? firsts[index + 1] : bound
      if let totals = contents.totals[first] {
        infos.append(SegmentInfo(totals: totals, fileBytes: fileBytes))
      } else if opened.contains(first), let totals = try? readTotals(path, first) {
        infos.append(SegmentInfo(totals: totals, fileBytes: fileBytes))
      } else {
        var totals = SegmentTotals(first: first)
        totals.end = max(first, next ?? first)
        totals.rows = totals.end - first
        totals.bytes = UInt64(fileBytes)
        totals.sealedAt = now
        infos.append(SegmentInfo(totals: totals, fileBytes: fileBytes, isEstimated: true))
      }
    }
    return infos
  }

  private func readTotals(_ path: String, _ first: UInt64) throws(LogError) -> SegmentTotals? {
    // A walk and not the checksums: 64 MiB from a slow card would take seconds.
    guard try SegmentCheck.damage(path: path, sums: nil) == nil else { return nil }
    return try Segment.open(path: path, first: first, mode: .readingSealed).sealedTotals()
  }

  /// Offsets that no file holds: of segments that the catalog knows and the directory has not, and between segments.
  private mutating func reportMissing(active: UInt64) {
    let there = sealed.map(\.first) + [active]
    if let oldest = there.first {
      let lost = contents.totals.values.filter { $0.first < oldest }.map(\.range)
      for range in RangeSet(lost).ranges {
        report.findings.append(.rowsMissing(from: range.lowerBound, to: min(range.upperBound, oldest)))
      }
    }
    for (info, next) in zip(sealed, there.dropFirst()) where !info.isEstimated && info.totals.end < next {
      report.findings.append(.rowsMissing(from: info.totals.end, to: next))
    }
  }
}
