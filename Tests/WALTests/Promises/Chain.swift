import Codec
import Foundation
import Model

@testable import WAL

/// A log in a chain, with the cursors of its forwarders.
private final class Node {
  let name: String
  let path: String
  var log: WriteAheadLog
  var cursors: [String: Cursor] = [:]
  let clock = TestClock()

  init(_ name: String, in scratch: Scratch) throws {
    self.name = name
    path = scratch.file(name)
    log = try WriteAheadLog.open(Node.configuration(path, clock.clock))
  }

  private static func configuration(_ path: String, _ clock: LogClock) -> LogConfiguration {
    LogConfiguration(
      directory: path, maxSizeBytes: 64 << 20, commitInterval: .milliseconds(5), segmentBytes: 64 << 10, clock: clock)
  }

  func cursor(_ name: String) async throws -> Cursor {
    if let cursor = cursors[name] { return cursor }
    let cursor = try await log.cursor(named: name)
    cursors[name] = cursor
    return cursor
  }

  func stop(orderly: Bool) async throws {
    cursors = [:]
    if orderly { try await log.close() } else { await log.abandon() }
  }

  func start() throws { log = try WriteAheadLog.open(Node.configuration(path, clock.clock)) }
}

/// Collectors A (and copies of its disk), gateways B1 and B2, and C, to which both forward. Whatever can go wrong on the way does.
struct Chain {
  private var random: LogRandom
  private let scratch: Scratch
  private var collectors: [Node]
  private let gateways: [Node]
  private let end: Node
  private var nextRow = 1
  /// Numbers of rows that a collector has stored.
  private(set) var made: Set<Int> = []
  /// Of rows whose storing was interrupted.
  private(set) var perhaps: Set<Int> = []
  private let tenants: [Tenant]

  init(seed: UInt64) async throws {
    random = LogRandom(seed: seed)
    scratch = try InMemory.scratch()
    collectors = [try Node("a", in: scratch)]
    gateways = [try Node("b1", in: scratch), try Node("b2", in: scratch)]
    end = try Node("c", in: scratch)
    tenants = [.default] + [Tenant("shop-7")].compactMap { $0 }
    // A segment that nobody reads may go.
    _ = try await end.cursor("reader")
    for gateway in gateways { _ = try await gateway.cursor("to-c") }
    _ = try await collectors[0].cursor("to-b")
  }

  private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  private mutating func one<T>(of some: [T]) -> T { some[Int.random(in: 0..<some.count, using: &random)] }

  mutating func step() async throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: try await make()
    case 30..<58: try await deliver(from: one(of: collectors), "to-b", to: one(of: gateways), faults: true)
    case 58..<82: try await deliver(from: one(of: gateways), "to-c", to: end, faults: true)
    case 82..<88: try await restart(one(of: collectors + gateways + [end]))
    case 88..<90: try await tear(one(of: collectors + gateways + [end]))
    case 90..<94: try await one(of: collectors + gateways + [end]).log.roll()
    case 94..<97: if collectors.count < 4 { try await copy() }
    default: one(of: collectors + gateways + [end]).clock.pass(.seconds(3600 * 5))
    }
  }

  // MARK: - Rows

  private static func table(_ index: Int, _ signal: Signal) throws -> SeriesTable {
    try SeriesTable(
      encoding: (0..<(index % 4 + 1)).map { Series(Labels([Label("__name__", "m\(index)"), Label("n", "\($0)")])) },
      signal: signal)
  }

  private mutating func make() async throws {
    let node = one(of: collectors)
    var batches: [RowBatch] = []
    var numbers: Set<Int> = []
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let tenant = one(of: tenants)
      let count = Int.random(in: 1...6, using: &random)
      numbers.formUnion(nextRow..<(nextRow + count))
      defer { nextRow += count }
      if chance(30) {
        let table = try Chain.table(Int.random(in: 0..<3, using: &random), .logs)
        batches.append(
          RowBatch(
            tenant: tenant,
            logs: [
              LogRows(
                source: 5, tables: [table],
                entries: (nextRow..<(nextRow + count)).map {
                  .init(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(Int64($0)), line: Array("\($0)".utf8)))
                })
            ]))
      } else {
        batches.append(
          RowBatch(
            tenant: tenant,
            metrics: try (nextRow..<(nextRow + count)).map { number in
              let source = Int.random(in: 0..<3, using: &random)
              let tables = try (0...(chance(20) ? 1 : 0)).map { try Chain.table(source * 2 + $0, .metrics) }
              let series = tables.reduce(0) { $0 + $1.seriesCount }
              if chance(15) {
                return .loose(
                  LooseRow(
                    source: UInt64(source), tables: tables,
                    samples: (0..<series).map {
                      .init(series: UInt32($0), timestamp: .init(Int64(number)), value: Double(number))
                    }))
              }
              return .scrape(
                ScrapeRow(
                  source: UInt64(source), tables: tables, timestamp: .init(Int64(number)),
                  values: [Double](repeating: Double(number), count: series)))
            }))
      }
    }
    let log = node.log
    let rows = batches
    let appending = Task {
      try await withThrowingTaskGroup(of: AppendOutcome.self) { group in
        for batch in rows { group.addTask { try await log.append(batch) } }
        return try await group.reduce(into: [AppendOutcome]()) { $0.append($1) }
      }
    }
    if chance(8) {
      try await restart(node)
      _ = try? await appending.value
      perhaps.formUnion(numbers)
      return
    }
    let outcomes = try await appending.value
    guard outcomes.allSatisfy({ if case .durable = $0 { true } else { false } }) else { throw Broken("\(outcomes)") }
    made.formUnion(numbers)
  }

  // MARK: - Ways to break it

  private struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private mutating func restart(_ node: Node) async throws {
    try await node.stop(orderly: chance(30))
    try node.start()
  }

  /// Killed, and its newest segment is damaged so that only its blocks can be found again.
  private mutating func tear(_ node: Node) async throws {
    try await node.stop(orderly: false)
    let segments = try FileManager.default.contentsOfDirectory(atPath: node.path + "/segments").filter {
      $0.hasSuffix(".lmdb")
    }
    if let newest = segments.max() { try Damage.tearTrees(node.path + "/segments/" + newest) }
    try node.start()
    let isRebuilt = node.log.opening.findings.contains {
      switch $0 {
      case .segmentRebuilt, .emptySegmentRemoved: true
      default: false
      }
    }
    guard isRebuilt else { throw Broken("a torn segment was opened: \(node.log.opening.findings)") }
  }

  /// The collector's disk is copied; both go on.
  private mutating func copy() async throws {
    let node = one(of: collectors)
    try await node.stop(orderly: chance(50))
    let name = "a\(collectors.count)"
    try FileManager.default.copyItem(atPath: node.path, toPath: scratch.file(name))
    try node.start()
    collectors.append(try Node(name, in: scratch))
  }

  // MARK: - Delivery

  private mutating func deliver(
    from node: Node, _ name: String, to destination: Node, faults: Bool
  ) async throws {
    let cursor = try await node.cursor(name)
    if cursor.isDrained() { return }
    let read = try await cursor.next(limitBytes: one(of: [1 << 10, 4 << 10, 64 << 10]))
    var stored = faults ? Array(read.prefix(Int.random(in: 1...read.count, using: &random))) : read
    // The lane may have some of them out of order, each under its own acknowledgement.
    if faults, chance(20) { stored.shuffle(using: &random) }
    var pieces = stored.map(\.tabled)
    var sealer = try BlockSealer()
    if chance(70) { pieces = try merged(pieces, with: &sealer) }
    for _ in 0..<2 where faults && chance(30) {
      var cut: [TabledBlock] = []
      for piece in pieces {
        if chance(50), case .rows(let first, let second) = try sealer.halves(of: piece) {
          cut += [first, second]
        } else {
          cut.append(piece)
        }
      }
      pieces = cut
    }
    if faults, chance(20) { pieces.shuffle(using: &random) }
    // Sent, and then the connection breaks: nothing is acknowledged.
    let isLost = faults && chance(25)
    if isLost { pieces = Array(pieces.prefix(Int.random(in: 1...pieces.count, using: &random))) }
    var rest = pieces[...]
    while !rest.isEmpty {
      let some = Array(rest.prefix(Int.random(in: 1...3, using: &random)))
      rest = rest.dropFirst(some.count)
      guard try await send(some, to: destination, faults: faults) else { return }
    }
    if isLost { return }
    for block in stored.shuffled(using: &random) where !faults || chance(90) { cursor.acknowledge(block.offsets) }
  }

  private func merged(_ blocks: [TabledBlock], with sealer: inout BlockSealer) throws -> [TabledBlock] {
    var tables: [TableName: SeriesTable] = [:]
    for block in blocks { for table in block.tables { tables[table.name] = table } }
    return try sealer.merge(blocks.map(\.block)).map { block in
      TabledBlock(block: block, tables: block.header.tables.compactMap { tables[$0] })
    }
  }

  /// False when the destination died over it.
  private mutating func send(_ blocks: [TabledBlock], to node: Node, faults: Bool) async throws -> Bool {
    var tables: [SeriesTable] = chance(50) ? blocks.flatMap(\.tables) : []
    // A block may stand in one call twice, and in two calls that share a commit.
    var sent = blocks
    if faults, chance(15) { sent += blocks.shuffled(using: &random).prefix(2) }
    let calls = faults && chance(20) ? 2 : 1
    let log = node.log
    while true {
      let (now, along) = (sent.map(\.block), tables)
      let receiving = Task {
        try await withThrowingTaskGroup(of: [ReceivedOutcome].self) { group in
          for _ in 0..<calls { group.addTask { try await log.append(received: now, tables: along) } }
          return try await group.reduce(into: [ReceivedOutcome]()) { $0 += $1 }
        }
      }
      if faults, chance(5) {
        try await restart(node)
        _ = try? await receiving.value
        return false
      }
      var isMissing = false
      for outcome in try await receiving.value {
        switch outcome {
        case .stored, .alreadyHeld, .partlyHeld: continue
        case .missingTables where tables.isEmpty: isMissing = true
        default: throw Broken("\(outcome)")
        }
      }
      if !isMissing { return true }
      tables = blocks.flatMap(\.tables)
    }
  }

  // MARK: - The end

  mutating func drain() async throws {
    for collector in collectors {
      while try await !collector.cursor("to-b").isDrained() {
        try await deliver(from: collector, "to-b", to: one(of: gateways), faults: false)
      }
    }
    for gateway in gateways {
      while try await !gateway.cursor("to-c").isDrained() {
        try await deliver(from: gateway, "to-c", to: end, faults: false)
      }
    }
  }

  /// How often each row stands in C.
  func arrived() async throws -> [Int: Int] {
    let forgotten = (gateways + [end]).reduce(0) { $0 + $1.log.status().counters.rangesForgotten }
    guard forgotten == 0 else { throw Broken("\(forgotten) ranges were forgotten: the model goes too far") }
    var counts: [Int: Int] = [:]
    let opener = try BlockOpener()
    let cursor = try await end.cursor("reader")
    var after: UInt64?
    while !cursor.isDrained(after: after) {
      for stored in try await cursor.next(after: after) {
        after = stored.offsets.upperBound
        let block = try opener.open(stored.block)
        _ = try block.resolve(stored.tables)
        for group in block.groups {
          for (row, values) in group.rowValues.enumerated() {
            guard let first = values.first, values.allSatisfy({ $0 == first }) else {
              throw Broken("row \(group.head.sequences[row]) holds \(values)")
            }
            counts[first, default: 0] += 1
          }
        }
      }
    }
    return counts
  }

  func close() async throws {
    for node in collectors + gateways + [end] { try await node.stop(orderly: true) }
  }
}

extension OpenedBlock.Group {
  /// The numbers that each row holds; all of one row are its own.
  fileprivate var rowValues: [[Int]] {
    switch self {
    case .matrix(let matrix):
      return (0..<matrix.rowCount).map { row in
        [Int(matrix.timestamps[row])] + (0..<matrix.seriesCount).map { Int(matrix.values[$0 * matrix.rowCount + row]) }
      }
    case .loose(let loose):
      var next = 0
      return loose.rowLengths.map { length in
        defer { next += length }
        return (next..<(next + length)).flatMap { [Int(loose.timestamps[$0]), Int(loose.values[$0])] }
      }
    case .logs(let logs):
      return (0..<logs.count).map {
        [Int(String(decoding: logs.line($0), as: UTF8.self)) ?? -1, Int(logs.timestamps[$0])]
      }
    }
  }
}
