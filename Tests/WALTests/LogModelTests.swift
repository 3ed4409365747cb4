import Codec
import Foundation
import Model
import Testing

@testable import WAL

/// Random actions on a log and on a model of it in memory; whatever the log answers has to be what the model says. The seed of a
/// failing run is in its name; `CLYMENE_SEED=<n>` runs that one alone.
@Suite struct `A log under random actions` {
  static var seeds: [UInt64] {
    if let seed = ProcessInfo.processInfo.environment["CLYMENE_SEED"].flatMap(UInt64.init) { return [seed] }
    return Array(1...12)
  }

  @Test(arguments: seeds) func `agrees with its model`(seed: UInt64) async throws {
    var run = try await ModelRun(seed: seed)
    for _ in 0..<120 { try await run.step() }
    try await run.finish()
  }
}

/// What a log has to hold, and the log.
private struct ModelRun {
  struct Reader {
    var cursor: Cursor?
    var delivered: Set<UInt64> = []
    /// Where the cursor was made or set to.
    var start: UInt64
  }

  var random: LogRandom
  let scratch = LogScratch("model")
  let configuration: LogConfiguration
  var log: WriteAheadLog
  let table: SeriesTable
  /// The number in each row, by offset.
  var rows: [Int] = []
  var nextNumber = 0
  var positions: [String: [UInt8]] = [:]
  var readers: [String: Reader] = [:]
  /// Other logs: all rows that they have made, and which of them are here.
  var origins: [(origin: Origin, numbers: [Int], held: Set<Int>)] = []
  var sealer: Box
  var what: [String] = []

  final class Box {
    var sealer: BlockSealer
    init() throws { sealer = try BlockSealer() }
  }

  init(seed: UInt64) async throws {
    random = LogRandom(seed: seed)
    configuration = scratch.configuration(segmentBytes: 64 << 10)
    log = try scratch.open(configuration)
    table = try Rows.table()
    sealer = try Box()
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  mutating func step() async throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<25: try await append()
    case 25..<35: try await enqueue()
    case 35..<52: try await receive()
    case 52..<56:
      what.append("roll")
      try await log.roll()
    case 56..<62: try await openReader()
    case 62..<86: try await read()
    case 86..<90: try await reset()
    case 90..<93: closeReader()
    default: try await reopen()
    }
    #expect(log.status().endOffset == UInt64(rows.count), "\(what)")
  }

  mutating func batch() throws -> RowBatch {
    let count = Int.random(in: 0...6, using: &random)
    let padding = chance(20) ? 6000 : Int.random(in: 0...200, using: &random)
    defer { nextNumber += count }
    return try Rows.lines(nextNumber..<(nextNumber + count), padding: padding, table: table)
  }

  mutating func position() -> [CollectorPosition] {
    guard chance(40) else { return [] }
    let name = "file:\(Int.random(in: 0..<3, using: &random))"
    let position = [UInt8.random(in: 0...255, using: &random)]
    positions[name] = position
    return [CollectorPosition(collector: name, position: position)]
  }

  mutating func append() async throws {
    let first = nextNumber
    let batch = try batch()
    let positions = position()
    what.append("append \(batch.rowCount)")
    let outcome = try await log.append(batch, positions: positions)
    #expect(outcome == .durable(offsets: UInt64(rows.count)..<UInt64(rows.count + batch.rowCount)), "\(what)")
    rows += Array(first..<nextNumber)
  }

  mutating func enqueue() async throws {
    let first = nextNumber
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let batch = try batch()
      what.append("enqueue \(batch.rowCount)")
      #expect(try await log.enqueue(batch, positions: position()) == .accepted)
    }
    try await log.flush()
    rows += Array(first..<nextNumber)
  }

  /// Another log sends: new rows, rows that were sent before, and both at once.
  mutating func receive() async throws {
    if origins.isEmpty || chance(15) { origins.append((.random(), [], [])) }
    let index = Int.random(in: 0..<origins.count, using: &random)
    for _ in 0..<Int.random(in: 1...5, using: &random) {
      origins[index].numbers.append(nextNumber)
      nextNumber += 1
    }
    let all = origins[index].numbers
    let from = Int.random(in: max(0, all.count - 8)..<all.count, using: &random)
    let to = Int.random(in: from..<min(all.count, from + 6), using: &random)
    let sent = Array(from...to)
    let entries = sent.map {
      LogRows.Entry(
        stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(Int64(all[$0])), line: Array("\(all[$0]) ".utf8)))
    }
    let blocks = try sealer.sealer.seal(
      RowBatch(logs: [LogRows(source: 3, tables: [table], entries: entries)]), origin: origins[index].origin,
      firstSequence: UInt64(from) + 1)
    what.append("receive \(sent) of \(index)")
    let outcomes = try await log.append(received: blocks.map(\.block), tables: [table])
    let new = sent.filter { !origins[index].held.contains($0) }
    let expected: ReceivedOutcome =
      new.isEmpty
      ? .alreadyHeld
      : new.count == sent.count
        ? .stored(offsets: UInt64(rows.count)..<UInt64(rows.count + new.count)) : .partlyHeld(rowsStored: new.count)
    #expect(outcomes == [expected], "\(what)")
    origins[index].held.formUnion(new)
    rows += new.map { all[$0] }
  }

  mutating func openReader() async throws {
    let name = "reader-\(Int.random(in: 0..<3, using: &random))"
    if let reader = readers[name] {
      guard reader.cursor == nil else { return }
      what.append("open \(name)")
      readers[name]?.cursor = try await log.cursor(named: name)
      return
    }
    let start: CursorStart = chance(50) ? .oldest : .newest
    what.append("new \(name) \(start)")
    let cursor = try await log.cursor(named: name, start: start)
    readers[name] = Reader(cursor: cursor, start: cursor.position)
    if start == .newest { #expect(cursor.position == UInt64(rows.count)) }
  }

  mutating func closeReader() {
    guard let name = readers.keys.sorted().randomElement(using: &random) else { return }
    what.append("let go \(name)")
    readers[name]?.cursor = nil
  }

  /// Takes blocks, checks them, and acknowledges some of them, not in order.
  mutating func read() async throws {
    guard let name = readers.keys.sorted().randomElement(using: &random), let reader = readers[name],
      let cursor = reader.cursor
    else { return }
    var after: UInt64?
    var taken: [StoredBlock] = []
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let from = max(reader.start, after ?? 0)
      let open = (from..<max(from, UInt64(rows.count))).contains { !reader.delivered.contains($0) }
      guard open else { break }
      let blocks = try await cursor.next(limitBytes: chance(50) ? 1 : 100_000, after: after)
      for block in blocks {
        #expect(try Rows.numbers([block]) == block.offsets.map { rows[Int($0)] }, "\(what)")
        #expect(block.offsets.lowerBound >= (after ?? 0), "\(what)")
        #expect(block.offsets.contains { !reader.delivered.contains($0) && $0 >= reader.start }, "\(what)")
        after = block.offsets.upperBound
      }
      taken += blocks
    }
    taken.shuffle(using: &random)
    for block in taken where chance(75) {
      let range =
        chance(80)
        ? block.offsets : block.offsets.lowerBound..<UInt64.random(in: block.offsets, using: &random)
      what.append("\(name) acknowledges \(range)")
      if cursor.acknowledge(range) { readers[name]?.delivered.formUnion(range) }
    }
    check(name)
  }

  func check(_ name: String) {
    guard let reader = readers[name], let cursor = reader.cursor else { return }
    let expected = (reader.start...UInt64(rows.count)).first { !reader.delivered.contains($0) } ?? 0
    #expect(cursor.position == expected, "\(name): \(what)")
  }

  mutating func reset() async throws {
    guard let name = readers.keys.sorted().randomElement(using: &random) else { return }
    let start: CursorStart = chance(50) ? .oldest : .newest
    let before = readers[name]?.cursor?.generation
    what.append("reset \(name) \(start)")
    let oldest = log.status().firstOffset
    try await log.resetConsumer(name, to: start)
    // Retention may have gone on between the two.
    let base = start == .newest ? UInt64(rows.count) : log.status().consumers.first { $0.name == name }?.base ?? 0
    #expect(base >= oldest)
    readers[name]?.start = base
    readers[name]?.delivered = []
    if let before { #expect(readers[name]?.cursor?.generation == before + 1) }
    check(name)
  }

  /// A stop, or something like a kill, and another start.
  mutating func reopen() async throws {
    for name in readers.keys { readers[name]?.cursor = nil }
    let isClean = chance(60)
    what.append(isClean ? "close and open" : "kill and open")
    if isClean { try await log.close() } else { await log.abandon() }
    log = try scratch.open(configuration)
    #expect(log.opening.findings == (isClean ? [] : [.uncleanStop]), "\(what)")
    for (collector, position) in positions { #expect(log.position(of: collector) == position, "\(what)") }
    for name in readers.keys.sorted() {
      let cursor = try await log.cursor(named: name)
      // A kill may have cost acknowledgements of the last moments, never a row.
      let reader = readers[name] ?? Reader(start: 0)
      let expected = (reader.start...UInt64(rows.count)).first { !reader.delivered.contains($0) } ?? 0
      #expect(isClean ? cursor.position == expected : cursor.position <= expected, "\(name): \(what)")
      if !isClean {
        let above = log.core.state.withLock { $0.consumers[name]?.record.delivered.above.ranges } ?? []
        let kept = Set(above.flatMap { Array($0) })
        #expect(kept.isSubset(of: reader.delivered), "\(name): \(what)")
        readers[name]?.start = cursor.position
        readers[name]?.delivered = kept
      }
      readers[name]?.cursor = cursor
    }
  }

  mutating func finish() async throws {
    try await reopen()
    for (name, reader) in readers {
      guard let cursor = reader.cursor else { continue }
      var seen: Set<UInt64> = []
      while cursor.position < UInt64(rows.count) {
        for block in try await cursor.next() {
          #expect(try Rows.numbers([block]) == block.offsets.map { rows[Int($0)] }, "\(what)")
          seen.formUnion(block.offsets)
          #expect(cursor.acknowledge(block.offsets))
        }
      }
      let due = Set((reader.start..<max(reader.start, UInt64(rows.count)))).subtracting(reader.delivered)
      #expect(seen.isSuperset(of: due), "\(name) never got \(due.subtracting(seen).sorted()): \(what)")
    }
    let status = log.status()
    #expect(status.counters.rowsDropped == 0 && status.consumers.allSatisfy { $0.droppedRows + $0.missingRows == 0 })
    try await log.close()
  }
}
