import Codec
import Model

// One group of requests, one transaction, one full sync; then the answers.
extension LogWriter {
  /// Commits the appends that were held and the new requests, in order, in groups of about `groupBytes`, and answers everyone who waits.
  func commit(_ requests: [Command]) {
    let all = held.map(Command.append) + requests
    held = []
    var group: [Command] = []
    var bytes = 0
    for request in all {
      if bytes > 0, bytes + request.bytes > groupBytes {
        commit(group: group)
        group = []
        bytes = 0
      }
      group.append(request)
      bytes += request.bytes
    }
    if !group.isEmpty { commit(group: group) }
  }

  /// Memory of the rows that share a transaction: what a segment holds at most, so that a group never outgrows one.
  private var groupBytes: Int { min(8 << 20, max(256 << 10, configuration.segmentBytes)) }

  private func commit(group: [Command]) {
    let bytes = group.reduce(0) { $0 + $1.bytes }
    // Order: once something is put off, what comes behind it waits, too.
    if !held.isEmpty { return putOff(group, bytes: bytes) }
    if core.state.withLock({ $0.isFull }), !hasRoom(for: 64 << 10), !freeSomething() {
      putOff(group, bytes: bytes)
      return
    }
    let prepared = prepare(group)
    do throws(LogError) {
      let base = try storeMakingRoom(prepared)
      publish(prepared, base: base, bytes: bytes)
    } catch {
      if error.isFull {
        putOff(group, bytes: bytes)
      } else if error.kind == .refused, let smaller = split(group) {
        for part in smaller { commit(group: part) }
      } else {
        fail(group, error, bytes: bytes)
      }
    }
  }

  /// Smaller groups in the same order, for one that is larger than the log: requests alone, and an append that nobody waits for in halves
  /// (its positions go with the last). Nil when there is nothing to split: what somebody waits for is stored whole or not at all.
  private func split(_ group: [Command]) -> [[Command]]? {
    if group.count > 1 { return group.map { [$0] } }
    guard case .append(let append) = group.first, append.reply == nil, let (first, second) = append.batch.halves
    else { return nil }
    let half = append.bytes / 2
    return [
      [.append(PendingAppend(id: core.newID(), batch: first, positions: [], bytes: half, reply: nil))],
      [
        .append(
          PendingAppend(
            id: core.newID(), batch: second, positions: append.positions, bytes: append.bytes - half, reply: nil))
      ],
    ]
  }

  /// Stores; when there is no room, makes some as the policy says and tries again. Gives back the first row's offset.
  private func storeMakingRoom(_ prepared: Prepared) throws(LogError) -> UInt64 {
    var isReopened = false
    var isRolledForMap = false
    while true {
      do throws(LogError) {
        return try store(prepared)
      } catch {
        count { $0.commitFailures += 1 }
        if error.isMapFull, !isRolledForMap {
          isRolledForMap = true
          try roll()
        } else if isNoRoom(error, for: prepared) {
          // Each round removes a segment, so this ends.
          let bytes = prepared.fileBytes(storing: newTables(prepared))
          guard freeingHelps(bytes) ? freeSomething() : retire(ignoringKeepDelivered: true) else {
            throw error.isFull ? error : LogError(.storage(code: 28), "\(error) (the disk is full)")
          }
        } else if error.isMapFull {
          throw LogError(.refused, "\(prepared.rows) rows do not fit one segment: \(error)")
        } else {
          // After some failures LMDB wants to be opened again; after others it is worth a try. What the file then says counts.
          note(trouble: error.description)
          guard !isReopened else { throw error }
          isReopened = true
          let end = core.state.withLock { $0.end }
          try reopenActive()
          // The failed commit is in the file after all, but after a failed flush the page cache proves nothing: go on in a new file, and store
          // the rows again. Whoever gets both copies knows them by origin and sequence.
          if core.state.withLock({ $0.end }) > end { try roll() }
        }
      }
    }
  }

  /// A short write, which a full disk gives, comes out of LMDB as an input/output error.
  private func isNoRoom(_ error: LogError, for prepared: Prepared) -> Bool {
    if error.isFull { return true }
    guard error.kind == .storage(code: 5), let free = Files.freeBytes(configuration.directory) else { return false }
    return free < prepared.fileBytes(storing: []) + (64 << 10)
  }

  /// One attempt: rolls first when the segment would grow past its size.
  private func store(_ prepared: Prepared) throws(LogError) -> UInt64 {
    if prepared.isEmpty { return core.state.withLock { $0.end } }
    var tables = newTables(prepared)
    var incoming = prepared.fileBytes(storing: tables)
    guard var segment = active else { throw LogError(.storage(code: 5), "the active segment is not open") }
    let base = core.state.withLock { $0.end }
    if base > segment.first, try segment.environment.usedBytes() + incoming > configuration.segmentBytes {
      try roll()
      tables = newTables(prepared)
      incoming = prepared.fileBytes(storing: tables)
      guard let next = active else { throw LogError(.storage(code: 5), "the active segment is not open") }
      segment = next
    }
    guard couldFit(incoming) else {
      throw LogError(
        .refused,
        "\(configuration.directory): \(incoming) bytes at once do not fit a log of \(configuration.maxSizeBytes) bytes")
    }
    guard hasRoom(for: incoming) else {
      throw LogError(
        .storage(code: 28), "\(configuration.directory): \(incoming) bytes more would pass max_size")
    }
    let wasSealMarked = isSealMarked
    try segment.environment.write { (transaction) throws(LogError) in
      if wasSealMarked { try transaction.delete(segment.meta, Segment.totalsKey) }
      for table in tables { try transaction.put(segment.tables, table.name.bytes, table.bytes) }
      var offset = base
      for item in prepared.items {
        try transaction.append(segment.blocks, offset, RecordHead(offset: offset).encoded, item.block.bytes)
        offset += UInt64(item.block.header.rowCount)
      }
      for (collector, position) in prepared.positions {
        try transaction.putChecked(segment.positions, Array(collector.utf8), position)
      }
      for (key, rows) in prepared.received {
        try transaction.putChecked(segment.received, key.keyBytes, rows.encoded())
      }
    }
    isSealMarked = false
    for table in tables { activeTables.insert(table.name) }
    remember(prepared.received)
    for (key, next) in prepared.nextSequences { numbering[key]?.next = next }
    return base
  }

  /// Tables that the blocks name and the active segment does not have.
  private func newTables(_ prepared: Prepared) -> [SeriesTable] {
    var tables: [SeriesTable] = []
    var seen: Set<TableName> = []
    for item in prepared.items {
      for table in item.tables where !activeTables.contains(table.name) && seen.insert(table.name).inserted {
        tables.append(table)
      }
    }
    return tables
  }

  /// Makes the committed rows known to everyone and answers.
  private func publish(_ prepared: Prepared, base: UInt64, bytes: Int) {
    let usedBytes = (try? active?.environment.usedBytes()).flatMap { $0 }
    let (readers, admitted) = core.state.withLock { state in
      var offset = base
      let isRead = state.consumers.values.contains { $0.isHeld }
      if !isRead { state.head.removeAll() }
      for item in prepared.items {
        let end = offset + UInt64(item.block.header.rowCount)
        // After a failed commit that turned out to be in the file the rows are counted already.
        if let last = state.segments.indices.last, state.segments[last].totals.end <= offset {
          state.segments[last].totals.add(item.block.header, at: offset)
        }
        if isRead {
          state.head.push(StoredBlock(offsets: offset..<end, block: item.block, tables: item.tables))
        }
        state.counters.blocksAppended += 1
        state.counters.rowsAppended += end - offset
        state.counters.bytesAppended += UInt64(item.block.bytes.count)
        offset = end
      }
      if let usedBytes, !state.segments.isEmpty { state.segments[state.segments.count - 1].fileBytes = usedBytes }
      state.end = max(state.end, offset)
      for (collector, position) in prepared.positions { state.setPosition(position, of: collector) }
      if !prepared.isEmpty {
        state.counters.commits += 1
        state.isFull = false
        state.trouble = ""
      }
      state.counters.rowsRefused += UInt64(prepared.refusedRows)
      state.counters.rowsAlreadyHeld += UInt64(prepared.alreadyHeldRows)
      state.counters.rangesForgotten += UInt64(prepared.forgottenRanges)
      state.counters.blocksMissingTables += UInt64(prepared.missingTables)
      if let refusal = prepared.refusal { state.trouble = refusal.description }
      return (prepared.items.isEmpty ? [] : state.takeDataWaiters(), state.release(bytes))
    }
    for (request, offsets) in prepared.appended {
      request.reply?.give(.durable(offsets: (base + offsets.lowerBound)..<(base + offsets.upperBound)))
    }
    for (request, error) in prepared.refused { request.reply?.fail(error) }
    for (request, drafts) in prepared.receipts { request.reply.give(drafts.map { $0.outcome(base: base) }) }
    for waiter in admitted { waiter.continuation.resume(returning: .success(true)) }
    for reader in readers { reader.resume() }
  }

  /// There is no room: whoever waits is told; what nobody waits for stays in memory and is tried again.
  private func putOff(_ group: [Command], bytes: Int) {
    let kept = group.filter(\.isUnwaited)
    hold(kept)
    let keptBytes = kept.reduce(0) { $0 + $1.bytes }
    let (admitted, turnedAway) = core.state.withLock { state in
      state.isFull = true
      state.counters.appendsRejected += UInt64(group.count - kept.count)
      let admitted = state.release(bytes - keptBytes)
      // What is held keeps its share of the room, so they might wait for ever.
      defer { state.admissions = [] }
      return (admitted, state.admissions)
    }
    for command in group {
      switch command {
      case .append(let append): append.reply?.give(.full)
      case .receive(let receive): receive.reply.give(receive.blocks.map { _ in .full })
      default: continue
      }
    }
    for waiter in admitted { waiter.continuation.resume(returning: .success(true)) }
    for waiter in turnedAway { waiter.continuation.resume(returning: .success(false)) }
  }

  private func hold(_ commands: [Command]) {
    for case .append(let append) in commands { held.append(append) }
  }

  /// The disk refuses: whoever waits gets the error (the rows may be tried again); what nobody waits for stays in memory.
  private func fail(_ group: [Command], _ error: LogError, bytes: Int) {
    // Rows that can never be stored would be tried for ever.
    let kept = error.kind == .refused ? [] : group.filter(\.isUnwaited)
    hold(kept)
    let keptBytes = kept.reduce(0) { $0 + $1.bytes }
    let lostRows = error.kind == .refused ? group.reduce(0) { $0 + $1.unwaitedRows } : 0
    let admitted = core.state.withLock { state in
      state.trouble = error.description
      state.counters.rowsRefused += UInt64(lostRows)
      return state.release(bytes - keptBytes)
    }
    for command in group {
      switch command {
      case .append(let append): append.reply?.fail(error)
      case .receive(let receive): receive.reply.fail(error)
      default: continue
      }
    }
    for waiter in admitted { waiter.continuation.resume(returning: .success(true)) }
  }
}

extension Command {
  var bytes: Int {
    switch self {
    case .append(let append): append.bytes
    case .receive(let receive): receive.bytes
    default: 0
    }
  }

  fileprivate var isUnwaited: Bool {
    if case .append(let append) = self { append.reply == nil } else { false }
  }

  fileprivate var unwaitedRows: Int {
    if case .append(let append) = self, append.reply == nil { append.batch.rowCount } else { 0 }
  }
}

extension Prepared.ReceivedDraft {
  fileprivate func outcome(base: UInt64) -> ReceivedOutcome {
    switch self {
    case .stored(let offsets): .stored(offsets: (base + offsets.lowerBound)..<(base + offsets.upperBound))
    case .partly(let rows): .partlyHeld(rowsStored: rows)
    case .settled(let outcome): outcome
    }
  }
}
