import Codec
import Glibc
import Model
import Synchronization
import WAL

/// Appends to a log until it is killed or has appended what it should, and says what the log acknowledged:
///
///     O …            opened, with what the log found
///     P worker n     at opening, the position of a worker: its last batch
///     A worker n [start end]   batch n is durable (at these offsets)
///     F worker n …   the log is full; what it says of its trouble
///     S end          the cursor `lane` has marked, durably, that rows below may be sent
///     C start end    these offsets are about to be acknowledged by the cursor `lane`
///     D number       with letters=1: a dead letter of this number is kept
///     E number       it is about to be removed
///
/// Workers 0 and 1 wait for each batch, 2 does not and flushes now and then, 3 is another log that sends blocks, some of them twice.
func writeLog(_ arguments: [String]) async throws {
  let options = Options(arguments)
  guard let directory = options.plain.first else { throw Usage() }
  let content = Content(seed: UInt64(options.number("seed", 1)))
  let log = try WriteAheadLog.open(options.configuration(directory))
  say("O " + log.opening.findings.map(\.description).joined(separator: "; "))
  let batches = UInt64(options.number("batches", 1_000_000))
  let workers = options.number("workers", 4)
  try await withThrowingTaskGroup(of: Void.self) { group in
    for worker in 0..<workers {
      let writer = Writer(log: log, content: content, worker: worker)
      group.addTask { try await writer.run(batches: batches) }
    }
    let lane = options.flag("lane") ? Task { try await runLane(log, options) } : nil
    if options.flag("roll") {
      group.addTask { for _ in 0..<3 { try await log.roll() } }
    }
    try await group.waitForAll()
    if options.flag("linger") { try await Task.sleep(for: .milliseconds(options.number("linger", 0))) }
    lane?.cancel()
    _ = await lane?.result
  }
  let counters = log.status().counters
  say("N rolls \(counters.rolls) dropped \(counters.rowsDropped) rejected \(counters.appendsRejected)")
  if options.flag("close") {
    try await log.close()
    say("closed")
  }
  exit(0)
}

private struct Writer {
  let log: WriteAheadLog
  let content: Content
  let worker: Int

  var name: String { "worker:\(worker)" }

  func run(batches: UInt64) async throws {
    let last = log.position(of: name).flatMap(Writer.number) ?? 0
    say("P \(worker) \(last)")
    if worker == 3 { return try await send(from: last, batches: batches) }
    var table = try content.table(worker, last + 1)
    guard last < batches else { return }
    for batch in (last + 1)...batches {
      if batch % 40 == 0 { table = try content.table(worker, batch) }
      let rows = content.batch(worker, batch, table: table)
      let position = CollectorPosition(collector: name, position: Writer.bytes(batch))
      if worker == 2 {
        // What nobody waits for: durable by the next flush.
        while try await log.enqueue(rows, positions: [position]) == .full { try await full(batch) }
        if batch % 7 == 0 {
          try await flush(batch)
          for earlier in max(last + 1, batch - 6)...batch { sayAndMark("A \(worker) \(earlier)") }
        }
      } else {
        while true {
          if case .durable(let offsets) = try await log.append(rows, positions: [position]) {
            sayAndMark("A \(worker) \(batch) \(offsets.lowerBound) \(offsets.upperBound)")
            break
          }
          try await full(batch)
        }
      }
    }
    if worker == 2 {
      try await flush(batches)
      let rest = batches - batches % 7
      if rest < batches { for batch in max(last, rest) + 1...batches { sayAndMark("A \(worker) \(batch)") } }
    }
  }

  /// Until what was enqueued has found room.
  private func flush(_ batch: UInt64) async throws {
    while true {
      do {
        return try await log.flush()
      } catch let error where error.retryHelps {
        try await full(batch)
      }
    }
  }

  private func full(_ batch: UInt64) async throws {
    say("F \(worker) \(batch) \(log.status().trouble)")
    try await Task.sleep(for: .milliseconds(20))
  }

  /// Another log's blocks. After a restart it sends the last three again, and now and then two at once of which one is known.
  private func send(from last: UInt64, batches: UInt64) async throws {
    let origin = Origin(low: content.seed, high: 3)
    var sealer = try BlockSealer()
    var batch = last > 3 ? last - 2 : 1
    var sequence: UInt64 = 1
    if batch > 1 { for earlier in 1..<batch { sequence += UInt64(content.rowCount(worker, earlier)) } }
    var before: SealedBlock?
    while batch <= batches {
      let table = try content.table(worker, batch)
      let sealed = try sealer.seal(content.batch(worker, batch, table: table), origin: origin, firstSequence: sequence)
      guard let block = sealed.first?.block, sealed.count == 1 else { throw Usage() }
      var blocks = [block]
      if batch % 5 == 0, let before { blocks = try sealer.merge([before, block]) }
      var tables = [table]
      if batch % 40 == 0, blocks.count == 1, blocks[0] != block { tables.append(try content.table(worker, batch - 1)) }
      let position = CollectorPosition(collector: name, position: Writer.bytes(batch))
      let outcomes = try await log.append(received: blocks, tables: tables, positions: [position])
      guard !outcomes.contains(.full) else {
        try await full(batch)
        continue
      }
      for outcome in outcomes {
        switch outcome {
        case .stored, .alreadyHeld, .partlyHeld: break
        default: say("X sender batch \(batch): \(outcome)")
        }
      }
      sayAndMark("A \(worker) \(batch)")
      sequence += UInt64(content.rowCount(worker, batch))
      before = block
      batch += 1
    }
  }

  static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

  static func number(_ bytes: [UInt8]) -> UInt64? {
    bytes.count == 8 ? bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } : nil
  }
}

/// A forwarder's lane: takes blocks, says what it acknowledges, acknowledges it, every third pair in the wrong order.
private func runLane(_ log: WriteAheadLog, _ options: Options) async throws {
  let pause = options.number("lane-pause", 0)
  // Few rows ahead, so that the mark is written often.
  let ahead = UInt64(options.number("mark-ahead", 20))
  let cursor = try await log.cursor(named: "lane", start: .oldest)
  say("L \(cursor.position)")
  var after: UInt64?
  var held: [Range<UInt64>] = []
  // Those that the last process had marked, or was about to put back.
  if options.flag("letters") { try await redrive(log) }
  while true {
    for block in try await cursor.next(limitBytes: 32 << 10, after: after) {
      after = block.offsets.upperBound
      held.append(block.offsets)
      try await cursor.markSent(upTo: block.offsets.upperBound, aheadRows: ahead)
      sayAndMark("S \(block.offsets.upperBound)")
      if options.flag("letters"), block.offsets.lowerBound % 3 == 0 {
        let added = try await log.deadLetters.add(
          consumer: "lane", generation: cursor.generation, blocks: [block.tabled],
          reason: "refused at \(block.offsets.lowerBound)", attempts: 1)
        sayAndMark("D \(added.item.number)")
        if added.item.number % 3 == 0 {
          try LogInspector(directory: options.plain.first ?? "").redrive(added.item)
          try await redrive(log)
        }
      }
      if held.count < 2 { continue }
      for range in held { sayAndMark("C \(range.lowerBound) \(range.upperBound)") }
      if block.offsets.lowerBound % 3 == 0 { held.reverse() }
      for range in held { cursor.acknowledge(range) }
      held = []
    }
    if pause > 0 { try await Task.sleep(for: .milliseconds(pause)) }
  }
}

/// Delivers half of what is marked, and has the other half refused again.
private func redrive(_ log: WriteAheadLog) async throws {
  for item in try await log.deadLetters.redriven(for: "lane") {
    if item.number % 2 == 0 {
      sayAndMark("E \(item.number)")
      try await log.deadLetters.remove(item)
    } else {
      _ = try await log.deadLetters.putBack(item, reason: "refused again")
    }
  }
}

/// The words of a small file; none when there is no file.
func words(_ path: String) -> [String] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return [] }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 200)
  let count = read(descriptor, &bytes, bytes.count)
  return String(decoding: bytes[..<max(0, count)], as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init)
}
