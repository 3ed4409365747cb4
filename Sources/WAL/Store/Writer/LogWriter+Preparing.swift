import Codec
import Model

// Requests become blocks with numbers. Nothing here touches the disk or the writer's memory of what is committed.
extension LogWriter {
  func prepare(_ requests: [Command]) -> Prepared {
    var prepared = Prepared()
    var appends: [PendingAppend] = []
    for case .append(let request) in requests { appends.append(request) }
    seal(appends, into: &prepared)
    var settledWell: [Bool] = []
    for case .receive(let request) in requests {
      let drafts = request.blocks.map { take($0, from: request, into: &prepared) }
      settledWell.append(drafts.allSatisfy(\.isSettledWell))
      prepared.receipts.append((request, drafts))
    }
    // Positions in the order of the requests, whatever their kind: the last word of a collector counts. One whose rows were not
    // taken does not move its position.
    let refused = Set(prepared.refused.map(\.request.id))
    var receipt = 0
    for request in requests {
      switch request {
      case .append(let append):
        if refused.contains(append.id) { continue }
        for position in append.positions { prepared.positions[position.collector] = position.position }
      case .receive(let receive):
        defer { receipt += 1 }
        guard settledWell[receipt] else { continue }
        for position in receive.positions { prepared.positions[position.collector] = position.position }
      default: continue
      }
    }
    return prepared
  }

  // MARK: - Rows of this log's own collectors

  private func seal(_ appends: [PendingAppend], into prepared: inout Prepared) {
    var order: [SegmentTotals.TenantSignal] = []
    var groups: [SegmentTotals.TenantSignal: [PendingAppend]] = [:]
    for append in appends {
      guard append.batch.rowCount > 0 else {
        prepared.appended.append((append, prepared.rows..<prepared.rows))
        continue
      }
      let key = SegmentTotals.TenantSignal(tenant: append.batch.tenant, signal: append.batch.signal)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(append)
    }
    for key in order {
      let group = groups[key] ?? []
      if let joined = RowBatch.joining(group.map(\.batch)), (try? seal(joined, key, into: &prepared)) != nil {
        var from = prepared.rows - UInt64(joined.rowCount)
        for append in group {
          let end = from + UInt64(append.batch.rowCount)
          prepared.appended.append((append, from..<end))
          from = end
        }
        continue
      }
      // Something in it cannot be sealed: find out whose it is, so that only that is refused.
      for append in group { sealAlone(append, key, into: &prepared) }
    }
  }

  private func sealAlone(_ append: PendingAppend, _ key: SegmentTotals.TenantSignal, into prepared: inout Prepared) {
    let from = prepared.rows
    do throws(FormatError) {
      try seal(append.batch, key, into: &prepared)
      prepared.appended.append((append, from..<prepared.rows))
    } catch {
      let refusal = LogError(.refused, "rows of tenant \(key.tenant): \(error)")
      if append.reply != nil {
        prepared.refused.append((append, refusal))
      } else {
        prepared.refusal = refusal
        sealWhatCanBe(append.batch, key, into: &prepared)
        prepared.appended.append((append, from..<prepared.rows))
      }
    }
  }

  /// Halves the batch until the rows that cannot be sealed stand alone, and leaves those out.
  private func sealWhatCanBe(_ batch: RowBatch, _ key: SegmentTotals.TenantSignal, into prepared: inout Prepared) {
    if (try? seal(batch, key, into: &prepared)) != nil { return }
    guard let (first, second) = batch.halves else {
      prepared.refusedRows += 1
      return
    }
    sealWhatCanBe(first, key, into: &prepared)
    sealWhatCanBe(second, key, into: &prepared)
  }

  private func seal(
    _ batch: RowBatch, _ key: SegmentTotals.TenantSignal, into prepared: inout Prepared
  ) throws(FormatError) {
    if numbering[key] == nil { numbering[key] = Numbering(origin: .random(), next: 1) }
    guard let numbers = numbering[key] else { return }
    let first = prepared.nextSequences[key] ?? numbers.next
    let sealed = try sealer.seal(batch, origin: numbers.origin, firstSequence: first)
    let rows = sealed.reduce(0) { $0 + $1.block.header.rowCount }
    guard rows == batch.rowCount else {
      throw FormatError(.inconsistent, "\(batch.rowCount) rows were sealed as \(rows)")
    }
    prepared.add(sealed)
    prepared.nextSequences[key] = first + UInt64(rows)
  }

  // MARK: - Blocks of other logs

  private func take(
    _ block: SealedBlock, from request: PendingReceive, into prepared: inout Prepared
  ) -> Prepared.ReceivedDraft {
    let header = block.header
    let key = ReceivedKey(header)
    let now = core.now
    var known = prepared.received[key] ?? received[key] ?? ReceivedOrigin(lastHeard: now)
    let verdict = known.judge(header.sequences)
    switch verdict {
    case .known:
      prepared.alreadyHeldRows += header.rowCount
      // Heard of again: the window in which a repeat is known starts anew. To the hour is enough, so that most repeats cost no commit.
      if now - known.lastHeard > min(3_600_000, configuration.dedupeWindow.milliseconds / 16) {
        known.lastHeard = now
        prepared.received[key] = known
      }
      return .settled(.alreadyHeld)
    case .new, .partlyKnown: break
    }
    var tables: [TableName: SeriesTable] = [:]
    var missing: [TableName] = []
    for name in header.tables {
      if let table = table(name, from: request) { tables[name] = table } else { missing.append(name) }
    }
    guard missing.isEmpty else {
      prepared.missingTables += 1
      return .settled(.missingTables(missing))
    }
    let from = prepared.rows
    if case .partlyKnown(let held) = verdict {
      do throws(FormatError) {
        for rest in try sealer.dropping(held, from: block) {
          let needed = rest.header.tables.compactMap { tables[$0] }
          prepared.items.append(.init(block: rest, tables: needed))
          prepared.rows += UInt64(rest.header.rowCount)
        }
      } catch {
        return .settled(.refused("\(error)"))
      }
      prepared.alreadyHeldRows += header.rowCount - Int(prepared.rows - from)
    } else {
      prepared.items.append(.init(block: block, tables: header.tables.compactMap { tables[$0] }))
      prepared.rows += UInt64(header.rowCount)
    }
    prepared.forgottenRanges += known.note(header.sequences, at: now)
    prepared.received[key] = known
    return verdict == .new ? .stored(from..<prepared.rows) : .partly(rows: Int(prepared.rows - from))
  }

  private func table(_ name: TableName, from request: PendingReceive) -> SeriesTable? {
    if let cached = tableCache[name] { return cached }
    // One that bears a false name would spoil honest blocks later: it is as good as missing.
    if let sent = request.tables.first(where: { $0.name == name }), (try? sent.verifyName()) != nil {
      tableCache.add(sent)
      return sent
    }
    guard activeTables.contains(name), let stored = try? active?.table(name) else { return nil }
    tableCache.add(stored)
    return stored
  }
}
