import Codec

// The change to a new segment, and opening the active one again after LMDB gave up on it. docs/log-format.md states the order.
extension LogWriter {
  func rollIfNotEmpty() throws(LogError) {
    guard let active, core.state.withLock({ $0.end }) > active.first else { return }
    try roll()
  }

  /// Seals the active segment and goes on in a new one. On an error the old one stays active and nothing is lost.
  ///
  /// 1. The totals go into the old one's `meta` (full sync): from here on it says that it is sealed.
  /// 2. The new one is made under its final name; its first transaction (full sync) carries positions and received ranges over.
  /// 3. The directory is flushed. Only now may the new segment hold anything that is acknowledged.
  /// 4. The page checksums of the old one.
  ///
  /// A crash after 1 finds a sealed newest segment: opening goes on with 2. After 2 there may be a new file or none; one
  /// without a first transaction is removed.
  func roll() throws(LogError) {
    guard let old = active else { throw LogError(.storage(code: 5), "the active segment is not open") }
    let now = core.now
    let wall = configuration.clock.wall().rawValue
    let (known, end, consumers, positions) = core.state.withLock {
      ($0.segments.last?.totals, $0.end, $0.consumers.mapValues(\.record), $0.positions)
    }
    guard var totals = known, end > old.first else { return }
    totals.end = end
    totals.sealedAt = now
    totals.sealedWall = wall
    let encoded = totals.encoded()
    try usingReserve { () throws(LogError) in
      try old.environment.write { (transaction) throws(LogError) in
        try transaction.putChecked(old.meta, Segment.totalsKey, encoded)
      }
    }
    isSealMarked = true
    let (origins, needsCatalog) = originsToCarry(now: now)
    let carried = Segment.Carried(
      positions: positions, received: origins, needsCatalog: needsCatalog, consumers: consumers)
    let path = core.path(end)
    let segmentBytes = configuration.segmentBytes
    let new = try usingReserve { () throws(LogError) -> Segment in
      do throws(LogError) {
        return try Segment.create(
          path: path, first: end, segmentBytes: segmentBytes, carrying: carried, created: now, wall: wall)
      } catch {
        // Without its first transaction there is nothing in it.
        _ = try? Files.remove(path)
        _ = try? Files.remove(path + "-lock")
        throw error
      }
    }
    do throws(LogError) {
      try Files.flushDirectory(configuration.segmentsDirectory)
    } catch {
      _ = try? Files.remove(path)
      _ = try? Files.remove(path + "-lock")
      throw error
    }
    isSealMarked = false
    active = new
    activeTables = []
    let oldBytes = Files.length(old.path) ?? 0
    let newBytes = Files.length(path) ?? 0
    let sealed = totals
    core.state.withLock { state in
      if !state.segments.isEmpty {
        state.segments[state.segments.count - 1] = SegmentInfo(totals: sealed, fileBytes: oldBytes)
      }
      state.segments.append(SegmentInfo(totals: SegmentTotals(first: end), fileBytes: newBytes))
      state.active = new
      state.counters.rolls += 1
    }
    changedTotals[sealed.first] = sealed
    // Readers that are still at it keep the file open; nobody opens it through its lock file again.
    _ = try? Files.remove(old.path + "-lock")
    withoutSums.append(sealed.first)
    sealedHere.insert(sealed.first)
    if saveCatalog(positions: positions, received: changedOrigins(among: origins)) { changedOrigins = [] }
  }

  /// Runs `body`; when the disk is full, gives the reserve to it and runs it once more.
  func usingReserve<R>(_ body: () throws(LogError) -> R) throws(LogError) -> R {
    do throws(LogError) {
      return try body()
    } catch {
      guard error.isFull || error.kind == .storage(code: 5), configuration.reserve.exists else { throw error }
      configuration.reserve.release()
      return try body()
    }
  }

  /// Closes the active segment and opens it again. A commit that failed may be in the file after all, so rows are numbered under new origins from here on.
  func reopenActive() throws(LogError) {
    guard let old = active else {
      guard let first = core.state.withLock({ $0.segments.last?.first }) else { return }
      return try openActiveAgain(first: first, path: core.path(first))
    }
    let first = old.first
    let path = old.path
    active = nil
    core.state.withLock { $0.active = nil }
    try closeAndOpen(consume old, first: first, path: path)
  }

  private func closeAndOpen(_ old: consuming Segment, first: UInt64, path: String) throws(LogError) {
    var closing: Segment? = consume old
    // A lane may be reading from it; that takes milliseconds. LMDB must not have a file open twice.
    for _ in 0..<2000 where !isKnownUniquelyReferenced(&closing) { sleepMilliseconds(5) }
    guard isKnownUniquelyReferenced(&closing) else {
      active = closing
      let kept = closing
      core.state.withLock { $0.active = kept }
      throw LogError(.storage(code: 16), "\(path): is being read for too long to be opened again")
    }
    closing = nil
    try openActiveAgain(first: first, path: path)
  }

  private func openActiveAgain(first: UInt64, path: String) throws(LogError) {
    let opened = try Segment.open(
      path: path, first: first, mode: .writing, segmentBytes: configuration.segmentBytes)
    let (totals, _) = try opened.countedTotals()
    activeTables = try opened.tableNames()
    // Positions and received rows stay as they were acknowledged: those of a failed commit may be in the file without being on the disk, and whoever
    // sends its rows again must not be told that they are held.
    numbering = [:]
    isSealMarked = try opened.sealedTotals() != nil
    active = opened
    let waiters = core.state.withLock { state in
      state.active = opened
      state.end = max(totals.end, state.end)
      state.head.removeAll()
      if !state.segments.isEmpty { state.segments[state.segments.count - 1].totals = totals }
      return state.takeDataWaiters()
    }
    for waiter in waiters { waiter.resume() }
  }
}
