import Codec

// Limits: what goes when, and in which order the disk learns of it.
extension LogWriter {
  /// Bytes kept free for dead letters. A log that rejects frees nothing for one, and without one a refused block would hold what waits
  /// behind it; a log that drops makes room when a letter comes.
  private var kept: Int {
    guard configuration.whenFull == .reject else { return 0 }
    return max(0, configuration.deadLettersLimitBytes - core.state.withLock { $0.letterBytes })
  }

  /// Makes room for a dead letter as for rows; false when there is none.
  func makeRoom(forLetter bytes: Int) -> Bool {
    while !core.hasRoom(forLetter: bytes) {
      // Each round removes a segment, so this ends. Where all of them would not help, none goes.
      guard couldFit(bytes, keeping: 0), freeingHelps(bytes), freeSomething() else { return false }
    }
    return true
  }

  /// Whether the directory may grow by `bytes`, by `max_size` and by the disk.
  func hasRoom(for bytes: Int) -> Bool {
    let used = core.state.withLock { $0.diskBytes } + kept
    guard used + bytes <= configuration.maxSizeBytes else { return false }
    // An unknown amount is no reason to refuse: the write itself will say.
    return Files.freeBytes(configuration.directory).map { $0 >= bytes } ?? true
  }

  /// Whether `max_size` would hold so many bytes if everything that may be removed were gone. When not, they never fit.
  func couldFit(_ bytes: Int, keeping forLetters: Int? = nil) -> Bool {
    let emptySegment = 64 << 10
    let others = core.state.withLock { $0.otherBytes + $0.letterBytes } + (forLetters ?? kept)
    return others + emptySegment + bytes <= configuration.maxSizeBytes
  }

  /// Whether the disk would hold so many bytes if all segments were gone. When not, dropping any of them helps nobody: somebody else has
  /// filled the disk, and may make room again.
  func freeingHelps(_ bytes: Int) -> Bool {
    let segments = core.state.withLock { state in state.segments.reduce(0) { $0 + $1.fileBytes } }
    let reserve = configuration.reserve.exists ? configuration.reserve.byteCount : 0
    return Files.freeBytes(configuration.directory).map { $0 + segments + reserve >= bytes } ?? true
  }

  /// Removes what every consumer has had and what is too old. Whether anything went.
  @discardableResult
  func retire(ignoringKeepDelivered: Bool = false) -> Bool {
    let now = core.now
    let orphanHold = configuration.orphanHold.milliseconds
    let limits = Retention.Limits(
      maxAge: configuration.maxAge?.milliseconds,
      keepDelivered: ignoringKeepDelivered ? 0 : configuration.keepDelivered.milliseconds)
    let removable = core.state.withLock { state in
      Retention.removable(
        sealed: state.segments.dropLast().map(\.totals),
        bases: state.consumers.values.filter { state.holds($0, orphanHold: orphanHold) }.map(\.record.delivered.base),
        now: now, limits: limits)
    }
    return !removable.isEmpty && remove(removable.map(\.first))
  }

  /// Makes room, by the gentlest means that helps: delivered segments first, then by policy the oldest. Whether anything went.
  func freeSomething() -> Bool {
    if retire(ignoringKeepDelivered: true) { return true }
    let (sealed, end, activeFirst, isDelivered) = core.state.withLock { state in
      let holding = state.consumers.values.filter {
        state.holds($0, orphanHold: configuration.orphanHold.milliseconds)
      }
      return (
        state.segments.dropLast().first?.first, state.end, state.segments.last?.first ?? state.end,
        !holding.isEmpty && holding.allSatisfy { $0.record.delivered.base >= state.end }
      )
    }
    switch configuration.whenFull {
    case .dropOldest:
      if let sealed { return remove([sealed]) }
      guard end > activeFirst, rollToFree() else { return false }
      return remove([activeFirst])
    case .reject:
      // What is delivered may go, and the active segment can only go once it is sealed.
      guard isDelivered, end > activeFirst, rollToFree() else { return false }
      return retire(ignoringKeepDelivered: true)
    }
  }

  private func rollToFree() -> Bool {
    do throws(LogError) {
      try roll()
      return true
    } catch {
      note(trouble: error.description)
      return false
    }
  }

  /// Removes sealed segments, the oldest ones. Whether they went.
  ///
  /// The order: cursors move past them and what they lose is counted; the catalog is flushed; only then the files go. A crash in
  /// between leaves a file that nobody needs, never a cursor that waits for a file that is gone.
  private func remove(_ segments: [UInt64]) -> Bool {
    guard let last = segments.last else { return false }
    let orphanHold = configuration.orphanHold.milliseconds
    let lost = core.state.withLock { state -> (dropped: UInt64, rows: UInt64) in
      guard let index = state.segments.firstIndex(where: { $0.first == last }) else { return (0, 0) }
      let end = state.segments[index].totals.end
      var dropped: Set<UInt64> = []
      var rows: UInt64 = 0
      for (name, consumer) in state.consumers where consumer.record.delivered.base < end {
        var consumer = consumer
        for segment in state.segments[...index]
        where consumer.record.delivered.undelivered(in: segment.totals.range) > 0 {
          dropped.insert(segment.first)
        }
        let lost = consumer.record.delivered.skip(to: end)
        consumer.record.droppedRows += lost
        if state.holds(consumer, orphanHold: orphanHold) { rows += lost }
        consumer.isDirty = true
        state.consumers[name] = consumer
      }
      if state.consumers.isEmpty {
        for segment in state.segments[...index] {
          dropped.insert(segment.first)
          rows += segment.totals.rows
        }
      }
      return (UInt64(dropped.count), rows)
    }
    goneSegments += segments
    let trouble = catalogTrouble()
    // On a full disk only what goes makes room for the catalog, so the files go first. A crash before the catalog follows makes
    // rows that were dropped or delivered be reported as missing, and costs nothing else.
    let filesFirst = trouble?.isFull ?? false
    guard filesFirst || (trouble == nil && flushCatalog()) else {
      // Without the flush the files stay; the cursors have moved, which only says that the rows are not wanted any more.
      return false
    }
    var gone: [UInt64] = []
    for first in segments {
      guard (try? Files.remove(core.path(first))) != nil else { break }
      _ = try? Files.remove(core.sumsPath(first))
      gone.append(first)
    }
    let removed = Set(gone)
    withoutSums.removeAll { removed.contains($0) }
    core.state.withLock { state in
      state.segments.removeAll { removed.contains($0.first) }
      state.verified.subtract(removed)
      state.counters.segmentsRemoved += UInt64(removed.count)
      state.counters.segmentsDropped += lost.dropped
      state.counters.rowsDropped += lost.rows
    }
    if filesFirst { _ = saveCatalog() && flushCatalog() }
    // At once: what comes next may need it again.
    if !gone.isEmpty { keepReserve() }
    return !gone.isEmpty
  }

  // MARK: - The catalog

  /// Writes what has changed, lazily; false when it could not be written (it is tried again).
  @discardableResult
  func saveCatalog(positions: [String: [UInt8]]? = nil, received: [ReceivedKey: ReceivedOrigin] = [:]) -> Bool {
    catalogTrouble(saving: positions, received) == nil
  }

  /// The same; why it could not be written, or nil.
  private func catalogTrouble(
    saving positions: [String: [UInt8]]? = nil, _ received: [ReceivedKey: ReceivedOrigin] = [:]
  ) -> LogError? {
    var changes = Catalog.Changes()
    changes.received = received
    changes.consumers = core.state.withLock { state in
      let dirty = state.consumers.filter(\.value.isDirty)
      for name in dirty.keys { state.consumers[name]?.isDirty = false }
      return dirty.mapValues(\.record)
    }
    changes.forgottenConsumers = forgotten
    changes.totals = changedTotals
    changes.goneSegments = goneSegments
    changes.positions = positions
    if !changes.isEmpty { changes.time = timeMark() }
    changes.end = core.state.withLock { $0.end }
    do throws(LogError) {
      try usingReserve { () throws(LogError) in try catalog().apply(changes) }
      forgotten = []
      changedTotals = [:]
      goneSegments = []
      return nil
    } catch {
      core.state.withLock { state in
        for name in changes.consumers.keys { state.consumers[name]?.isDirty = true }
        state.counters.catalogFailures += 1
        state.trouble = error.description
      }
      return error
    }
  }

  func flushCatalog() -> Bool {
    do throws(LogError) {
      try catalog().flush()
      return true
    } catch {
      count { $0.catalogFailures += 1 }
      note(trouble: error.description)
      return false
    }
  }

  func timeMark() -> LogTime.Mark {
    let clock = configuration.clock
    return LogTime.Mark(
      logMilliseconds: core.now, sinceBoot: clock.sinceBoot(), bootName: clock.bootName(), wall: clock.wall().rawValue)
  }
}
