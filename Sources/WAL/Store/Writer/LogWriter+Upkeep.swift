import Codec

// What the writer does at each tick, besides committing.
extension LogWriter {
  func tick() {
    if active == nil { try? reopenActive() }
    if !held.isEmpty { commit([]) }
    ageConsumers()
    answerRequests()
    saveCatalog()
    retire()
    writeSums()
    sealWhatIsTooOld()
    let isSlow = Monotonic.now >= lastSlowTick + 30_000_000_000
    if isSlow {
      lastSlowTick = Monotonic.now
      slowTick()
    }
    keepReserve()
    let hasRoomAgain = core.state.withLock({ $0.isFull }) && held.isEmpty && hasRoom(for: 256 << 10)
    if hasRoomAgain { core.state.withLock { $0.isFull = false } }
    letGoOfDeliveredBlocks()
  }

  private func slowTick() {
    let freed = (active?.environment.clearStaleReaders() ?? 0)
    openCatalog?.clearStaleReaders()
    measureOthers()
    var changes = Catalog.Changes()
    changes.time = timeMark()
    changes.end = core.state.withLock { $0.end }
    _ = try? openCatalog?.apply(changes)
    if freed > 0 { count { $0.readerSlotsFreed += UInt64(freed) } }
  }

  /// Bytes of everything in the directory but the segments. While a dead letter changes, those stay as they are counted.
  func measureOthers() {
    let directory = configuration.directory
    let bytes = Files.bytes(in: directory) + Files.bytes(in: configuration.quarantineDirectory)
    let sums = core.state.withLock { $0.segments.count } * 8 * 1024
    core.state.withLock { $0.otherBytes = bytes + sums }
    core.letterFiles.withLockIfAvailable { _ in
      let letterBytes = Files.bytes(in: configuration.deadLettersDirectory)
      let folder = DeadLetterFolder(directory: configuration.deadLettersDirectory)
      let letters = (try? folder.letters().count) ?? 0
      core.state.withLock { state in
        state.letterBytes = letterBytes
        state.letters = letters
      }
    }
  }

  /// Adds the time that has passed to the consumers that nobody holds.
  private func ageConsumers() {
    let now = core.now
    let passed = now - lastTick
    // Once a second is enough for hours, and a catalog that changes at each tick would never rest.
    guard passed >= 1000 else { return }
    lastTick = now
    let hold = configuration.orphanHold.milliseconds
    core.state.withLock { state in
      for (name, consumer) in state.consumers {
        if consumer.isHeld {
          guard consumer.record.unheldMilliseconds > 0 else { continue }
          state.consumers[name]?.record.unheldMilliseconds = 0
          state.consumers[name]?.isDirty = true
        } else if consumer.record.unheldMilliseconds <= hold {
          let before = consumer.record.unheldMilliseconds
          state.consumers[name]?.record.unheldMilliseconds = before + passed
          // A minute lost in a crash does not matter.
          if before / 60_000 != (before + passed) / 60_000 || before + passed > hold {
            state.consumers[name]?.isDirty = true
          }
        }
      }
    }
  }

  /// A segment that fills slowly is sealed when it is as old as data may become, so that `max_age` reaches it.
  private func sealWhatIsTooOld() {
    guard let maxAge = configuration.maxAge?.milliseconds, let active else { return }
    guard let created = (try? active.head()).flatMap({ $0 })?.created, core.now - created > maxAge else { return }
    try? rollIfNotEmpty()
  }

  /// Page checksums of the segments that this process sealed, and of one other that has none. Such a one is checked first:
  /// checksums of a damaged file would say for ever that it is sound. Left without, it is looked at when a lane comes to it.
  func writeSums(ownOnly: Bool = false) {
    let own = withoutSums.filter { sealedHere.contains($0) }
    let other = ownOnly ? nil : withoutSums.first { !sealedHere.contains($0) }
    for first in own + (other.map { [$0] } ?? []) {
      withoutSums.removeAll { $0 == first }
      guard core.state.withLock({ $0.segments.contains { $0.first == first } }) else { continue }
      do {
        if first == other, try isDamaged(first) { continue }
        try PageSums(of: core.path(first)).write(to: core.sumsPath(first))
        sealedHere.remove(first)
      } catch {
        // No room, most likely; the segment is checked by a walk until it has its sums.
        note(trouble: "page checksums: \(error)")
        withoutSums.append(first)
        return
      }
    }
  }

  private func isDamaged(_ first: UInt64) throws(LogError) -> Bool {
    let path = core.path(first)
    guard try SegmentCheck.damage(path: path, sums: nil) == nil else { return true }
    guard let segment = try? Segment.open(path: path, first: first, mode: .readingSealed) else { return true }
    return try segment.contradiction() != nil
  }

  func keepReserve() {
    let reserve = configuration.reserve
    guard configuration.keepsReserve, !reserve.exists else { return }
    // Under drop-oldest what was given up comes back from what is dropped; a reject log waits for consumers.
    if hasRoom(for: reserve.byteCount), reserve.ensure() { measureOthers() }
  }

  private func letGoOfDeliveredBlocks() {
    core.state.withLock { state in
      let bases = state.consumers.values.filter(\.isHeld).map(\.record.delivered.base)
      if let least = bases.min() { state.head.drop(below: least) } else { state.head.removeAll() }
    }
  }

  // MARK: - The end

  /// Everything is committed already. Notes the cursors, puts the catalog on the disk, and says that the stop was clean.
  func finish(_ reply: Reply<Void>, leaving rest: ArraySlice<Command>) {
    var trouble: LogError?
    if !held.isEmpty {
      commit([])
      if !held.isEmpty {
        trouble = LogError(
          .storage(code: 28), "\(configuration.directory): closed with \(held.count) batches that found no room")
      }
    }
    // Others can wait for the next opening.
    writeSums(ownOnly: true)
    clipSentMarks()
    if !saveCatalog() || !flushCatalog() {
      trouble = trouble ?? LogError(.storage(code: 5), "\(configuration.catalogPath): could not be written")
    }
    var changes = Catalog.Changes()
    changes.time = timeMark()
    changes.end = core.state.withLock { $0.end }
    _ = try? openCatalog?.apply(changes)
    _ = flushCatalog()
    if trouble == nil, let active {
      let end = core.state.withLock { $0.end }
      let mark = CleanStop(tail: active.first, bytes: Files.length(active.path) ?? 0, end: end)
      // Without it the next opening looks closer; nothing is lost.
      try? usingReserve { () throws(LogError) in try mark.write(configuration.cleanStopPath) }
    }
    shut()
    for command in rest { fail(command) }
    if let trouble { reply.fail(trouble) } else { reply.give(()) }
  }

  func abandon(_ reply: Reply<Void>, leaving group: [Command]) {
    shut()
    for command in group { fail(command) }
    reply.give(())
  }

  private func fail(_ command: Command) {
    switch command {
    case .append(let append): append.reply?.fail(core.closedError)
    case .receive(let receive): receive.reply.fail(core.closedError)
    case .flush(let reply), .roll(let reply), .close(let reply), .abandon(let reply): reply.fail(core.closedError)
    case .createConsumer(_, _, let reply), .resetConsumer(_, _, let reply), .heal(_, _, let reply):
      reply.fail(core.closedError)
    case .forgetConsumer(_, let reply), .markSent(_, _, _, let reply): reply.fail(core.closedError)
    case .makeRoom(_, let reply): reply.fail(core.closedError)
    case .setAside, .requestedReset: break
    }
  }

  /// Lets everyone go and closes the files; the lock goes with the writer.
  private func shut() {
    let (commands, admissions, readers) = core.state.withLock { state in
      state.phase = .closed
      defer {
        state.commands = []
        state.admissions = []
      }
      return (state.commands, state.admissions, state.takeDataWaiters())
    }
    closeFiles()
    for command in commands { fail(command) }
    for waiter in admissions { waiter.continuation.resume(returning: .failure(core.closedError)) }
    for reader in readers { reader.resume() }
  }
}
