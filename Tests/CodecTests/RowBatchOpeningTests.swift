import Model
import Testing

@testable import Codec

@Suite struct RowBatchOpeningTests {
  @Test("A block's rows, stored under new numbers, say what they said before: merged or not, metrics or logs")
  func newNumbers() throws {
    for round in 0..<80 {
      var source = RandomRows(seed: 0x0b1e + UInt64(round))
      var sealer = try BlockSealer()
      let opener = try BlockOpener()
      let isLogs = round % 3 == 0
      let first: UInt64 = 1000
      var next = first
      var blocks: [SealedBlock] = []
      var tables: [TableName: SeriesTable] = [:]
      var facts: Set<Fact> = []
      for _ in 0..<3 {
        let made = isLogs ? try source.logs(firstSequence: next) : try source.metrics(firstSequence: next)
        for table in made.2 { tables[table.name] = table }
        blocks += try sealer.seal(
          RowBatch(made.0, tenant: try #require(Tenant("ship-7"))), origin: Origin(low: 1, high: 2), firstSequence: next
        ).map(\.block)
        facts.formUnion(made.1)
        next += UInt64(made.0.rowCount)
      }
      if round.isMultiple(of: 2) { blocks = try sealer.merge(blocks) }
      let all = Array(tables.values)
      var found: Set<Fact> = []
      var given: UInt64 = 1
      for block in blocks {
        let batch = try RowBatch(opening: TabledBlock(block: block, tables: all), with: opener)
        #expect(batch.tenant.name == "ship-7")
        #expect(batch.rowCount == block.header.rowCount)
        let origin = Origin(low: 3, high: 4)
        for sealed in try sealer.seal(batch, origin: origin, firstSequence: given) {
          found.formUnion(try Facts.of(sealed.block, all, opener))
        }
        given += UInt64(batch.rowCount)
      }
      if isLogs {
        // Entries of different sources may change places; what each says stays.
        #expect(Set(facts.map { $0.numbered(0) }) == Set(found.map { $0.numbered(0) }), "round \(round)")
        #expect(found.count == facts.count, "round \(round)")
      } else {
        let moved = Set(found.map { $0.numbered($0.sequence + first - 1) })
        #expect(moved == facts, "round \(round): \(moved.symmetricDifference(facts).prefix(3))")
      }
    }
  }

  @Test("Entries of a source whose tables changed keep their order")
  func changedTables() throws {
    let one = try SeriesTable(encoding: [Series(Labels([Label("a", "1")]))], signal: .logs)
    let two = try SeriesTable(encoding: [Series(Labels([Label("a", "2")]))], signal: .logs)
    func part(_ source: UInt64, _ tables: [SeriesTable], _ lines: [String]) -> LogRows {
      LogRows(
        source: source, tables: tables,
        entries: lines.map {
          .init(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(5), line: Array($0.utf8)))
        })
    }
    var sealer = try BlockSealer()
    let batch = RowBatch(logs: [
      part(7, [one], ["a", "b"]), part(8, [one], ["x"]), part(7, [one, two], ["c"]), part(7, [one], ["d"]),
      part(8, [one], ["y"]),
    ])
    let sealed = try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: 10)[0]
    guard case .logs(let parts) = try RowBatch(opening: sealed, with: BlockOpener()).rows else {
      Issue.record("no logs")
      return
    }
    let lines = Dictionary(grouping: parts, by: \.source).mapValues {
      $0.flatMap { $0.entries.map { String(decoding: $0.entry.line, as: UTF8.self) } }
    }
    #expect(lines == [7: ["a", "b", "c", "d"], 8: ["x", "y"]])
    #expect(parts.count == 4)
  }

  @Test("A block without one of its tables does not come apart")
  func missingTable() throws {
    var source = RandomRows(seed: 5)
    var sealer = try BlockSealer()
    let made = try source.metrics(firstSequence: 1)
    let sealed = try sealer.seal(made.0, origin: Origin(low: 1, high: 1), firstSequence: 1)[0]
    #expect(throws: FormatError.self) { try BlockOpener().verify(sealed.block, over: []) }
    try BlockOpener().verify(sealed.block, over: sealed.tables)
    #expect(throws: FormatError.self) {
      _ = try RowBatch(opening: TabledBlock(block: sealed.block, tables: []), with: BlockOpener())
    }
  }
}

extension RowBatch {
  fileprivate init(_ other: RowBatch, tenant: Tenant) {
    self = other
    self.tenant = tenant
  }
}

extension Fact {
  fileprivate func numbered(_ number: UInt64) -> Fact { shifted(by: number &- sequence) }
}
