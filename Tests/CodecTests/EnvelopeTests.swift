import Model
import Testing

@testable import Codec

@Suite struct EnvelopeTests {
  @Test("An envelope gives back the same bytes")
  func roundTrip() throws {
    var rows = RandomRows(seed: 12)
    let (batch, _, _) = try rows.metrics(firstSequence: 1)
    var sealer = try BlockSealer()
    let sealed = try sealer.seal(batch, origin: .random(), firstSequence: 1)
    let tables = sealed.flatMap(\.tables)
    let bytes = try Envelope.encode(tables: tables, blocks: sealed.map(\.block))
    let back = try Envelope.decode(bytes)
    #expect(back.blocks == sealed.map(\.block))
    #expect(back.tables.map(\.bytes) == tables.map(\.bytes))
    for length in 0..<bytes.count {
      #expect(throws: FormatError.self) { try Envelope.decode(Array(bytes[..<length])) }
    }
    #expect(throws: FormatError.self) { try Envelope.decode(bytes + [0]) }
  }

  @Test("Another tenant rewrites the header and nothing else")
  func tenant() throws {
    var rows = RandomRows(seed: 13)
    let (batch, facts, tables) = try rows.metrics(firstSequence: 9)
    var sealer = try BlockSealer()
    let block = try #require(try sealer.seal(batch, origin: .random(), firstSequence: 9).first).block
    let moved = block.withTenant(try #require(Tenant("Käse")))
    #expect(moved.header.tenant.name == "Käse")
    #expect(try SealedBlock(verifying: moved.bytes) == moved)
    #expect(moved.bytes.suffix(block.header.compressedBytes) == block.bytes.suffix(block.header.compressedBytes))
    #expect(try Facts.of(moved, tables, try BlockOpener()) == facts)
  }
}

@Suite struct SealingTests {
  /// Values that zstd cannot shrink.
  private func noise(_ count: Int, _ random: inout SeededGenerator) -> [Double] {
    (0..<count).map { _ in Double(bitPattern: random.next()) }
  }

  @Test("Rows that do not fit one block become several that follow each other, each within a Kafka message")
  func splits() throws {
    var random = SeededGenerator(seed: 5)
    let series = (0..<2000).map { Series(Labels([Label("__name__", "m"), Label("n", "\($0)")])) }
    let table = try SeriesTable(encoding: series)
    let rows = (0..<200).map { index in
      MetricRow.scrape(
        ScrapeRow(
          source: 1, tables: [table], timestamp: UnixMilliseconds(Int64(index) * 1000), values: noise(2000, &random)))
    }
    var sealer = try BlockSealer()
    let sealed = try sealer.seal(RowBatch(metrics: rows), origin: .random(), firstSequence: 7)
    #expect(sealed.count >= 4)
    var next: UInt64 = 7
    for part in sealed {
      #expect(part.block.header.sequences.lowerBound == next)
      #expect(part.block.bytes.count <= FormatLimits.sealedBlockBytes)
      next = part.block.header.sequences.upperBound + 1
    }
    #expect(next == 207)
    // Merging them again gives blocks within the same limit, with the same rows.
    let merged = try sealer.merge(sealed.map(\.block))
    #expect(merged.allSatisfy { $0.bytes.count <= FormatLimits.sealedBlockBytes })
    #expect(merged.reduce(0) { $0 + $1.header.rowCount } == 200)
  }

  @Test("Long log lines are spread over blocks that follow each other")
  func splitsLogs() throws {
    var random = SeededGenerator(seed: 6)
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "x")]))], signal: .logs)
    let entries = (0..<300).map { index in
      LogRows.Entry(
        stream: 0,
        entry: LogEntry(
          timestamp: UnixNanoseconds(Int64(index)),
          line: (0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }))
    }
    var sealer = try BlockSealer()
    let sealed = try sealer.seal(
      RowBatch(logs: [LogRows(source: 1, tables: [table], entries: entries)]), origin: .random(), firstSequence: 1)
    #expect(sealed.allSatisfy { $0.block.bytes.count <= FormatLimits.sealedBlockBytes })
    #expect(sealed.reduce(0) { $0 + $1.block.header.rowCount } == 300)
    let opener = try BlockOpener()
    var lines: [[UInt8]] = []
    for part in sealed {
      for case .logs(let group) in try opener.open(part.block).groups {
        lines += (0..<group.count).map { Array(group.line($0)) }
      }
    }
    #expect(lines == entries.map(\.entry.line))
  }

  @Test("A row that contradicts its tables is refused, and says which")
  func contradictions() throws {
    let (table, _) = try RandomTable.make()
    func scrape(_ values: [Double], absent: [UInt32] = [], own: [UInt32] = []) -> MetricRow {
      .scrape(
        ScrapeRow(
          source: 1, tables: [table], timestamp: UnixMilliseconds(0), values: values, absent: absent,
          ownTimestamps: own.map { .init(series: $0, timestamp: UnixMilliseconds(0)) }))
    }
    let wrong: [MetricRow] = [
      scrape([1]), scrape([1, 2, 3]), scrape([1, 2], absent: [2]), scrape([1, 2], absent: [1, 0]),
      scrape([1, 2], own: [1, 1]),
      .scrape(ScrapeRow(source: 1, tables: [], timestamp: UnixMilliseconds(0), values: [])),
      .loose(
        LooseRow(source: 1, tables: [table], samples: [.init(series: 2, timestamp: UnixMilliseconds(0), value: 1)])),
    ]
    var sealer = try BlockSealer()
    for row in wrong {
      let batch = RowBatch(metrics: [scrape([1, 2]), row])
      do {
        _ = try sealer.seal(batch, origin: .random(), firstSequence: 1)
        Issue.record("sealed \(row)")
      } catch {
        #expect(error.what.hasPrefix("row 1"), "\(error)")
      }
    }
  }

  @Test("Blocks that do not follow each other stay apart when merged")
  func gaps() throws {
    let (table, _) = try RandomTable.make()
    var sealer = try BlockSealer()
    let origin = Origin.random()
    func block(_ sequence: UInt64, _ origin: Origin) throws -> SealedBlock {
      let row = MetricRow.scrape(
        ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(Int64(sequence)), values: [1, 2]))
      return try #require(
        try sealer.seal(RowBatch(metrics: [row]), origin: origin, firstSequence: sequence).first
      ).block
    }
    let blocks = [try block(1, origin), try block(2, origin), try block(4, origin), try block(5, .random())]
    let merged = try sealer.merge(blocks)
    #expect(merged.map(\.header.sequences) == [1...2, 4...4, 5...5])
  }
}
