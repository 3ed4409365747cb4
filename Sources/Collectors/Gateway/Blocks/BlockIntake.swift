import Codec
import Model
import Wire

/// Takes requests of Clymene blocks: checks each block, stores those of all requests in one go, and answers in order.
struct BlockIntake: Sendable {
  let signal: Signal
  let sink: any Sink
  let tables: TableCache
  let counting: GatewayCounting
  let health: LogHealth

  /// One block under way.
  private struct Item {
    let request: Int
    let place: Int
    let delivery: Int
    let block: SealedBlock
  }

  /// What waits to be stored together.
  private struct Group {
    var items: [Item] = []
    var tables: [TableName: SeriesTable] = [:]
  }

  /// Answers, durable when this returns, for each request, of which `mustBeHere` had nothing to say. `isSkipping`: whether a block before these was not settled, and after it whether one of these was not.
  func take(_ requests: [DeliverRequest], from sender: Sender, isSkipping: inout Bool) async -> [DeliverResponse] {
    var answers = requests.map { [BlockAnswer](repeating: BlockAnswer(.skipped), count: $0.blocks.count) }
    var group = Group()
    var delivery = 0
    /// Deliveries in which a block was not settled; what comes behind it is skipped.
    var stopped: Set<Int> = isSkipping ? [0] : []
    var pause: Duration?
    for (index, request) in requests.enumerated() {
      if request.isFirst { delivery += 1 }
      if request.renumbers {
        await store(&group, &answers, &stopped, sender, &pause)
        await renumber(request, index, delivery, &answers, &stopped, sender, &pause)
        continue
      }
      check(request, index, delivery, &group, &answers, &stopped, sender, &pause)
    }
    await store(&group, &answers, &stopped, sender, &pause)
    isSkipping = stopped.contains(delivery)
    return zip(requests, answers).map { request, answers in
      count(answers)
      let asksForPause = answers.contains { $0.kind == .full || $0.kind == .failed }
      return DeliverResponse(
        id: request.id, answers: answers,
        retryAfterMilliseconds: asksForPause ? UInt64(max(1, (pause ?? .seconds(1)) / .milliseconds(1))) : nil)
    }
  }

  /// Throws for blocks of the other signal: their sender is set up wrongly, which says nothing against its rows, and has to hold them.
  func mustBeHere(_ request: DeliverRequest) throws(Refusal) {
    for bytes in request.blocks {
      guard let header = try? BlockHeader(reading: bytes.span.bytes), header.signal != signal else { continue }
      throw Refusal(
        .notFound,
        "a block of \(header.signal), but this gateway takes \(signal); the other role, \(signal == .metrics ? "promtail-gateway" : "gateway"), takes it"
      )
    }
  }

  /// The answer to a request that comes before its sender may send again: nothing of it is stored, its tables are kept.
  func putOff(_ request: DeliverRequest, _ refusal: Refusal, from sender: Sender) -> DeliverResponse {
    sender.record.failed(refusal.reason)
    var sent = BlockCheck.Sent(request.tables)
    if let check = try? BlockCheck(cache: tables) {
      for bytes in request.blocks { _ = check.missingTables(of: bytes, &sent, tenant: sender.tenant) }
    }
    let answers = request.blocks.map { _ in BlockAnswer(.full, reason: refusal.reason) }
    count(answers)
    let pause = refusal.retryAfter ?? .seconds(1)
    return DeliverResponse(
      id: request.id, answers: answers, retryAfterMilliseconds: UInt64(max(1, pause / .milliseconds(1))))
  }

  private func check(
    _ request: DeliverRequest, _ index: Int, _ delivery: Int, _ group: inout Group, _ answers: inout [[BlockAnswer]],
    _ stopped: inout Set<Int>, _ sender: Sender, _ pause: inout Duration?
  ) {
    var sent = BlockCheck.Sent(request.tables)
    do throws(FormatError) {
      let check = try BlockCheck(cache: tables)
      for (place, bytes) in request.blocks.enumerated() {
        guard !stopped.contains(delivery) else {
          answers[index][place] = skipped(bytes, &sent, sender, check)
          continue
        }
        switch check.check(bytes, &sent, tenant: sender.tenant) {
        case .refused(let reason):
          sender.record.failed(reason)
          answers[index][place] = BlockAnswer(.refused, reason: reason)
        case .notYet(let reason):
          sender.record.failed(reason)
          answers[index][place] = BlockAnswer(.failed, reason: reason)
          stopped.insert(delivery)
        case .missing(let names):
          answers[index][place] = BlockAnswer(.missingTables, missingTables: names)
          stopped.insert(delivery)
        case .good(let block, let itsTables):
          if let wait = sender.record.take(entries: block.header.entryCount) {
            pause = max(pause ?? .zero, wait)
            answers[index][place] = BlockAnswer(.full, reason: sender.record.tooMuch("entries", wait).reason)
            stopped.insert(delivery)
            continue
          }
          group.items.append(Item(request: index, place: place, delivery: delivery, block: block))
          for table in itsTables { group.tables[table.name] = table }
        }
      }
    } catch {
      // No memory for a decoder.
      for place in request.blocks.indices where answers[index][place].kind == .skipped {
        answers[index][place] = BlockAnswer(.failed, reason: "\(error); it may be sent again")
      }
      stopped.insert(delivery)
    }
  }

  /// What a block is told that is behind one that was not settled: which tables it will miss, so that all that are wanted come at once.
  private func skipped(
    _ bytes: [UInt8], _ sent: inout BlockCheck.Sent, _ sender: Sender, _ check: borrowing BlockCheck
  ) -> BlockAnswer {
    let missing = check.missingTables(of: bytes, &sent, tenant: sender.tenant)
    return missing.isEmpty ? BlockAnswer(.skipped) : BlockAnswer(.missingTables, missingTables: missing)
  }

  /// Stores what waits, in one commit.
  private func store(
    _ group: inout Group, _ answers: inout [[BlockAnswer]], _ stopped: inout Set<Int>, _ sender: Sender,
    _ pause: inout Duration?
  ) async {
    let items = group.items
    guard !items.isEmpty else { return }
    let tables = Array(group.tables.values)
    group = Group()
    let outcomes: [ReceivedOutcome]
    do {
      outcomes = try await sink.append(received: items.map(\.block), tables: tables, positions: [])
    } catch {
      health.failed()
      sender.record.failed("\(error)")
      for item in items {
        answers[item.request][item.place] = BlockAnswer(.failed, reason: "the log: \(error); it may be sent again")
        stopped.insert(item.delivery)
      }
      return
    }
    var unsettled: Set<Int> = []
    for (item, outcome) in zip(items, outcomes) {
      let answer = BlockAnswer(outcome: outcome)
      // The log has judged each by itself. What is behind one that is missing comes again, and is known then.
      answers[item.request][item.place] = unsettled.contains(item.delivery) ? BlockAnswer(.skipped) : answer
      if !answer.kind.isSettled { unsettled.insert(item.delivery) }
      note(outcome, item.block.header, sender)
    }
    stopped.formUnion(unsettled)
  }

  private func note(_ outcome: ReceivedOutcome, _ header: BlockHeader, _ sender: Sender) {
    switch outcome {
    case .stored, .partlyHeld:
      var rows = header.rowCount
      if case .partlyHeld(let stored) = outcome { rows = stored }
      // Of a part of the rows nobody counted the entries.
      let entries = rows == header.rowCount ? header.entryCount : header.entryCount * rows / max(1, header.rowCount)
      stored(rows: rows, entries: entries, sender)
    case .alreadyHeld: health.stored()
    case .full: health.failed()
    case .refused(let reason): sender.record.failed(reason)
    case .missingTables: break
    }
  }

  private func stored(rows: Int, entries: Int, _ sender: Sender) {
    sender.record.stored(rows: rows, entries: entries)
    let signal = signal
    counting.update { counters in
      counters.rows += UInt64(rows)
      if signal == .metrics { counters.samples += UInt64(entries) } else { counters.logEntries += UInt64(entries) }
    }
    health.stored()
  }

  /// Rows that may be parts of rows become rows of this log's own.
  private func renumber(
    _ request: DeliverRequest, _ index: Int, _ delivery: Int, _ answers: inout [[BlockAnswer]],
    _ stopped: inout Set<Int>, _ sender: Sender, _ pause: inout Duration?
  ) async {
    var sent = BlockCheck.Sent(request.tables)
    for (place, bytes) in request.blocks.enumerated() {
      guard !stopped.contains(delivery) else {
        if let check = try? BlockCheck(cache: tables) {
          answers[index][place] = skipped(bytes, &sent, sender, check)
        }
        continue
      }
      let answer: BlockAnswer
      switch rows(of: bytes, &sent, sender) {
      case .failure(let refused): answer = refused.answer
      case .success(let rows):
        if let wait = sender.record.take(entries: rows.entries) {
          pause = max(pause ?? .zero, wait)
          answer = BlockAnswer(.full, reason: sender.record.tooMuch("entries", wait).reason)
        } else {
          answer = await store(rows.batch, entries: rows.entries, sender)
        }
      }
      answers[index][place] = answer
      if answer.kind == .refused { sender.record.failed(answer.reason) }
      if !answer.kind.isSettled { stopped.insert(delivery) }
    }
  }

  private struct NoRows: Error {
    var answer: BlockAnswer
  }

  private func rows(
    of bytes: [UInt8], _ sent: inout BlockCheck.Sent, _ sender: Sender
  ) -> Result<(batch: RowBatch, entries: Int), NoRows> {
    do throws(FormatError) {
      let check = try BlockCheck(cache: tables)
      switch check.check(bytes, &sent, tenant: sender.tenant) {
      case .refused(let reason): return .failure(NoRows(answer: BlockAnswer(.refused, reason: reason)))
      case .notYet(let reason): return .failure(NoRows(answer: BlockAnswer(.failed, reason: reason)))
      case .missing(let names): return .failure(NoRows(answer: BlockAnswer(.missingTables, missingTables: names)))
      case .good(let block, let tables):
        return .success((try check.rows(of: block, tables), block.header.entryCount))
      }
    } catch {
      return .failure(NoRows(answer: BlockAnswer(.refused, reason: "\(error); sending it again does not help")))
    }
  }

  private func store(_ batch: RowBatch, entries: Int, _ sender: Sender) async -> BlockAnswer {
    let acceptance: Acceptance
    do {
      acceptance = try await sink.append(batch, positions: [])
    } catch {
      health.failed()
      return BlockAnswer(.failed, reason: "the log: \(error); it may be sent again")
    }
    switch acceptance {
    case .accepted:
      stored(rows: batch.rowCount, entries: entries, sender)
      return BlockAnswer(.stored)
    case .full:
      health.failed()
      return BlockAnswer(.full, reason: "the log is full; it may be sent again later")
    case .refused(let reason): return BlockAnswer(.refused, reason: reason)
    }
  }

  private func count(_ answers: [BlockAnswer]) {
    counting.update { counters in
      for answer in answers { counters.blocks["\(answer.kind)", default: 0] += 1 }
    }
  }
}

extension BlockAnswer {
  init(outcome: ReceivedOutcome) {
    switch outcome {
    case .stored: self.init(.stored)
    case .alreadyHeld: self.init(.alreadyHeld)
    case .partlyHeld(let rows): self.init(.partlyHeld, rowsStored: UInt64(rows))
    case .missingTables(let names): self.init(.missingTables, missingTables: names)
    case .full: self.init(.full, reason: "the log is full; it may be sent again later")
    case .refused(let reason): self.init(.refused, reason: reason)
    }
  }
}

extension DeliverResponse {
  /// For figures: that of the block for which the sender has to do most.
  var outcome: String {
    let kinds = Set(answers.map(\.kind))
    if kinds.contains(.full) || kinds.contains(.failed) { return Refusal.Kind.unavailable.rawValue }
    if kinds.contains(.missingTables) || kinds.contains(.skipped) { return "asked_again" }
    return kinds.contains(.refused) ? Refusal.Kind.invalid.rawValue : "stored"
  }
}
