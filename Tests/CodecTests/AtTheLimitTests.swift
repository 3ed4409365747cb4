import Model
import Testing

@testable import Codec

/// What is sealed can be opened, right up to the limits; what would not be is refused before it is sealed.
@Suite struct AtTheLimitTests {
  private let composed = "caf\u{e9}"
  private let decomposed = "cafe\u{301}"

  @Test("Strings that only Unicode takes for the same stay two")
  func bytesNotCharacters() throws {
    let table = try SeriesTable(encoding: [
      Series(Labels([Label("a", composed)]), MetricMetadata(help: composed)),
      Series(Labels([Label("a", decomposed)]), MetricMetadata(help: decomposed)),
    ])
    let back = try table.decode()
    #expect(Array(back[0].labels.pairs[0].value.utf8) == Array(composed.utf8))
    #expect(Array(back[1].labels.pairs[0].value.utf8) == Array(decomposed.utf8))
    #expect(Array(back[1].metadata.help.utf8) == Array(decomposed.utf8))
    #expect(Labels([Label(composed, "1"), Label(decomposed, "2")]).pairs.count == 2)
    #expect(Tenant(composed) != Tenant(decomposed))

    let streams = try SeriesTable(encoding: [Series(Labels([Label("job", "x")]))], signal: .logs)
    let entry = LogEntry(
      timestamp: UnixNanoseconds(1), line: [1], structuredMetadata: [Label(composed, "1"), Label(decomposed, "2")])
    var sealer = try BlockSealer()
    let rows = LogRows(source: 1, tables: [streams], entries: [.init(stream: 0, entry: entry)])
    let block = try #require(
      try sealer.seal(RowBatch(logs: [rows]), origin: .random(), firstSequence: 1).first
    ).block
    guard case .logs(let group) = try BlockOpener().open(block).groups[0] else {
      Issue.record("no log entries")
      return
    }
    #expect(group.structuredMetadata[0].map { Array($0.name.utf8) } == [Array(composed.utf8), Array(decomposed.utf8)])
  }

  @Test("A table of series and one of streams never share a name")
  func names() throws {
    let series = [Series(Labels([Label("job", "x")]))]
    #expect(try SeriesTable(encoding: series).name != SeriesTable(encoding: series, signal: .logs).name)
  }

  @Test("An exemplar with more labels than a reader takes is refused with its row")
  func exemplarLabels() throws {
    let (table, _) = try RandomTable.make()
    for (count, fits) in [(FormatLimits.seriesLabels, true), (FormatLimits.seriesLabels + 1, false)] {
      let labels = Labels((0..<count).map { Label("l\($0)", "") })
      let row = ScrapeRow(
        source: 1, tables: [table], timestamp: UnixMilliseconds(1), values: [1, 2],
        extras: MetricExtras(exemplars: [.init(series: 0, exemplar: Exemplar(labels: labels, value: 1))]))
      var sealer = try BlockSealer()
      let sealed = try? sealer.seal(RowBatch(metrics: [.scrape(row)]), origin: .random(), firstSequence: 1)
      #expect((sealed != nil) == fits)
      if let block = sealed?.first?.block { _ = try BlockOpener().open(block) }
    }
  }

  @Test("A table whose strings are too long for a reader is refused by the writer")
  func textBudget() throws {
    let long = String(repeating: "x", count: 1200)
    let series = (0..<12).map { Series(Labels([Label("u", long + "\($0 % 10)")])) }
    // Ten values of 1,201 bytes and a name of one.
    let exact = TextBudget(limit: 12_011)
    let payload = try TableCodec.encode(series, .metrics, text: exact).bytes
    #expect(payload.count < 1500)
    #expect(
      try TableCodec.decode(payload.span.bytes, signal: .metrics, seriesCount: 12, text: exact) == series)
    let less = TextBudget(limit: 12_010)
    #expect(throws: FormatError.self) { try TableCodec.encode(series, .metrics, text: less) }
    #expect(throws: FormatError.self) {
      try TableCodec.decode(payload.span.bytes, signal: .metrics, seriesCount: 12, text: less)
    }
  }

  @Test("A row that does not fit a message by itself is refused, and says so")
  func oversizeRow() throws {
    var random = SeededGenerator(seed: 1)
    let (table, _) = try RandomTable.make()
    let samples = (0..<300_000).map {
      LooseRow.LooseSample(
        series: 0, timestamp: UnixMilliseconds(Int64($0)), value: Double(bitPattern: random.next()))
    }
    var sealer = try BlockSealer()
    #expect {
      try sealer.seal(
        RowBatch(metrics: [.loose(LooseRow(source: 1, tables: [table], samples: samples))]), origin: .random(),
        firstSequence: 1)
    } throws: { ($0 as? FormatError)?.kind == .tooLarge }
  }

  @Test("A staleness marker costs its cell and not its series, sealed at once or merged later")
  func staleMerge() throws {
    let (table, _) = try RandomTable.make()
    var sealer = try BlockSealer()
    let origin = Origin.random()
    var rows: [MetricRow] = []
    var singles: [SealedBlock] = []
    for index in 0..<100 {
      let value = index == 50 ? StaleMarker.value : Double(1000 + index * 7 % 13)
      let row = MetricRow.scrape(
        ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(Int64(index)), values: [value, 1]))
      rows.append(row)
      singles += try sealer.seal(RowBatch(metrics: [row]), origin: origin, firstSequence: UInt64(index + 1))
        .map(\.block)
    }
    let direct = try sealer.seal(RowBatch(metrics: rows), origin: origin, firstSequence: 1).map(\.block)
    let merged = try sealer.merge(singles)
    #expect(merged.map(\.header.payloadBytes) == direct.map(\.header.payloadBytes))
    let opener = try BlockOpener()
    #expect(try Facts.of(merged[0], [table], opener) == Facts.of(direct[0], [table], opener))
  }

  @Test("Times at both ends of the range survive")
  func extremeTimes() throws {
    let (table, _) = try RandomTable.make()
    let times: [Int64] = [.min, 0, .max, -1, .min + 1]
    let rows = times.enumerated().map { index, time in
      MetricRow.scrape(
        ScrapeRow(
          source: 1, tables: [table], timestamp: UnixMilliseconds(time), values: [Double(index), 0],
          ownTimestamps: [.init(series: 1, timestamp: UnixMilliseconds(times[times.count - 1 - index]))]))
    }
    var sealer = try BlockSealer()
    let block = try #require(
      try sealer.seal(RowBatch(metrics: rows), origin: .random(), firstSequence: 1).first
    ).block
    guard case .matrix(let group) = try BlockOpener().open(block).groups[0] else {
      Issue.record("no matrix")
      return
    }
    #expect(group.timestamps == times)
    #expect(group.ownTimestamps.map(\.timestamp) == times.reversed())
  }

  @Test("Sequences end one before the largest number, so that the next one is always a number")
  func lastSequence() throws {
    let (table, _) = try RandomTable.make()
    let row = MetricRow.scrape(
      ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(1), values: [1, 2]))
    var sealer = try BlockSealer()
    let last = try sealer.seal(RowBatch(metrics: [row]), origin: .random(), firstSequence: .max - 1)
    #expect(try BlockOpener().open(try #require(last.first).block).groups.count == 1)
    #expect(throws: FormatError.self) {
      try sealer.seal(RowBatch(metrics: [row]), origin: .random(), firstSequence: .max)
    }
  }

  @Test("Two groups over the same rows' tables and source are refused: joining them would put rows out of order")
  func groupTwice() throws {
    let forged = try Forged.block(groups: [[(0, 0), (1, 0)], [(1, 0)]], sequences: 1...3)
    #expect(throws: FormatError.self) { try BlockOpener().open(forged) }
    let honest = try Forged.block(groups: [[(0, 2)]], sequences: 1...3)
    #expect(try BlockOpener().open(honest).groups.count == 1)
  }

  @Test("Anything behind the zstd frame is refused, a frame that decoders skip as well")
  func skippableFrame() throws {
    let skipped: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7]
    let forged = try Forged.block(groups: [[(0, 0)]], sequences: 1...1, behind: skipped)
    #expect(throws: FormatError.self) { try BlockOpener().open(forged) }
  }

  @Test("Merging stops at the cells of one block, however small the blocks are")
  func mergedCells() throws {
    var sealer = try BlockSealer()
    let blocks = try (0..<8).map { index in
      let first = UInt64(index * 1024 + 1)
      return try Forged.block(
        groups: [[(0, 1023)]], sequences: first...(first + 1023), forms: [UInt8](repeating: 15, count: 1024))
    }
    let opener = try BlockOpener()
    for block in try sealer.merge(blocks) {
      let cells = try opener.groups(of: block).reduce(0) { $0 + $1.cellCount }
      #expect(cells <= FormatLimits.blockCells / 2)
    }
  }
}

/// Blocks that the sealer would not make.
private enum Forged {
  /// One matrix group for each list of runs (gap, rows less one), all over one table; values are 5.
  static func block(
    groups: [[(UInt64, UInt64)]], sequences: ClosedRange<UInt64>, forms: [UInt8] = [0x10], behind: [UInt8] = []
  ) throws -> SealedBlock {
    var payload = ByteWriter()
    payload.varint(groups.count)
    for runs in groups {
      var head = ByteWriter()
      head.varint(1)
      head.varint(0)
      head.varint(forms.count)
      head.fixed(UInt64(9))
      head.varint(runs.count)
      for (gap, more) in runs {
        head.varint(gap)
        head.varint(more)
      }
      var times = ByteWriter()
      for _ in 0..<runs.reduce(0, { $0 + $1.1 + 1 }) { times.zigzag(0) }
      var formBytes = ByteWriter()
      formBytes.raw(forms)
      var firsts = ByteWriter()
      for form in forms where form != 15 { firsts.zigzag(form == 0x10 ? 5 : 0) }
      var body = ByteWriter()
      body.section(Section.head, head)
      body.section(Section.times, times)
      body.section(Section.forms, formBytes)
      body.section(Section.firsts, firsts)
      payload.byte(GroupColumns.matrixKind)
      payload.varint(body.count)
      payload.raw(body.bytes)
    }
    var compressed: [UInt8] = []
    _ = try ZstdCompressor(level: 3).compress(payload.bytes.span.bytes, appendingTo: &compressed)
    compressed += behind
    let present = forms.filter { $0 != 15 }.count * (Int(sequences.upperBound - sequences.lowerBound) + 1)
    let header = BlockHeader(
      signal: .metrics, origin: Origin(low: 1, high: 2), sequences: sequences, entryCount: present, times: 0...0,
      payloadBytes: payload.count, compressedBytes: compressed.count,
      payloadChecksum: Checksum.xxh3(compressed.span.bytes), tenant: .default, tables: [TableName(low: 1, high: 1)])
    return try SealedBlock(verifying: header.encoded() + compressed)
  }
}
