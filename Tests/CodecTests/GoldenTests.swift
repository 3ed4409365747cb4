import Foundation
import Model
import Testing

@testable import Codec

/// Bytes of format version 1 that every later version has to read. `CLYMENE_WRITE_GOLDEN=1` writes them anew, which is
/// allowed only while version 1 is not frozen (see docs/block-format.md).
@Suite struct GoldenTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden")
  private static let isWriting = ProcessInfo.processInfo.environment["CLYMENE_WRITE_GOLDEN"] == "1"

  /// A block with everything in it: four scrapes over two tables, absent cells, specials, own timestamps, extras, a loose row.
  private static func metrics() throws -> (SealedBlock, [SeriesTable]) {
    let job = Label("job", "node")
    let first = try SeriesTable(encoding: [
      Series(Labels([Label("__name__", "up"), job])),
      Series(
        Labels([Label("__name__", "http_requests_total"), job, Label("code", "200")]),
        MetricMetadata(type: .counter, unit: "requests", help: "Requests answered.")),
      Series(
        Labels([Label("__name__", "http_requests_total"), job, Label("code", "500")]),
        MetricMetadata(type: .counter, unit: "requests", help: "Requests answered.")),
    ])
    let second = try SeriesTable(encoding: [
      Series(Labels([Label("__name__", "temperature_celsius"), job, Label("room", "Zürich")])),
      Series(Labels([Label("__name__", "latency_seconds"), job])),
    ])
    let histogram = NativeHistogram(
      schema: 3, zeroThreshold: 0.001, sum: 18.4,
      counts: .integer(count: 12, zeroCount: 2, positiveDeltas: [1, 1, -1, 0], negativeDeltas: [3]),
      positiveSpans: [.init(offset: 0, length: 2), .init(offset: 1, length: 2)],
      negativeSpans: [.init(offset: -4, length: 1)])
    let floatHistogram = NativeHistogram(
      resetHint: 3, schema: -53, zeroThreshold: 0, sum: -1.5,
      counts: .float(
        countBits: (2.5).bitPattern, zeroCountBits: 0, positiveBits: [(1.25).bitPattern, (1.25).bitPattern],
        negativeBits: []),
      positiveSpans: [.init(offset: 0, length: 2)], customBounds: [0.5])
    let rows: [MetricRow] = [
      .scrape(
        ScrapeRow(
          source: 0x0123_4567_89ab_cdef, tables: [first, second], timestamp: UnixMilliseconds(1_700_000_000_000),
          values: [1, 1027, 3, 21.5, 0], absent: [4],
          extras: MetricExtras(
            histograms: [.init(series: 4, timestamp: UnixMilliseconds(1_700_000_000_000), histogram: histogram)],
            exemplars: [
              .init(
                series: 1,
                exemplar: Exemplar(
                  labels: Labels([Label("trace_id", "abc")]), value: 1, timestamp: UnixMilliseconds(1_699_999_999_000)))
            ], created: [.init(series: 1, created: UnixMilliseconds(1_690_000_000_000))]))),
      .scrape(
        ScrapeRow(
          source: 0x0123_4567_89ab_cdef, tables: [first, second], timestamp: UnixMilliseconds(1_700_000_005_001),
          values: [1, 1030.25, StaleMarker.value, 0.1 + 0.2, -0.0], absent: [],
          ownTimestamps: [.init(series: 3, timestamp: UnixMilliseconds(1_700_000_004_000))])),
      .scrape(
        ScrapeRow(
          source: 0x0123_4567_89ab_cdef, tables: [first, second], timestamp: UnixMilliseconds(1_700_000_010_003),
          values: [0, 1031, 4, .nan, 1e300], absent: [1],
          extras: MetricExtras(histograms: [
            .init(series: 1, timestamp: UnixMilliseconds(1_700_000_010_000), histogram: floatHistogram)
          ]))),
      .scrape(
        ScrapeRow(
          source: 0x0123_4567_89ab_cdef, tables: [first, second], timestamp: UnixMilliseconds(1_700_000_015_001),
          values: [1, 1032.5, .infinity, 0.3, 2.5])),
      .loose(
        LooseRow(
          source: 7, tables: [second],
          samples: [
            .init(series: 1, timestamp: UnixMilliseconds(1_700_000_004_500), value: 0.25),
            .init(series: 1, timestamp: UnixMilliseconds(1_700_000_004_400), value: -.infinity),
          ])),
    ]
    var sealer = try BlockSealer()
    let sealed = try sealer.seal(
      RowBatch(tenant: #require(Tenant("shop-17")), metrics: rows),
      origin: Origin(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908), firstSequence: 41)
    return (try #require(sealed.first).block, [first, second])
  }

  private static func logs() throws -> (SealedBlock, [SeriesTable]) {
    let streams = try SeriesTable(
      encoding: [
        Series(Labels([Label("job", "nginx"), Label("host", "a")])),
        Series(Labels([Label("job", "nginx"), Label("host", "b")])),
      ], signal: .logs)
    let time: Int64 = 1_700_000_000_123_456_789
    let entries: [LogRows.Entry] = [
      .init(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(time), line: Array("GET / 200".utf8))),
      .init(
        stream: 1,
        entry: LogEntry(
          timestamp: UnixNanoseconds(time - 5), line: [0xff, 0x00, 0x0a],
          structuredMetadata: [Label("trace_id", "abc"), Label("level", "warn")])),
      .init(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(time + 1_000_000), line: [])),
    ]
    var sealer = try BlockSealer()
    let sealed = try sealer.seal(
      RowBatch(logs: [LogRows(source: 99, tables: [streams], entries: entries)]), origin: Origin(low: 1, high: 2),
      firstSequence: 1)
    return (try #require(sealed.first).block, [streams])
  }

  private func description(_ facts: Set<Fact>) -> String {
    facts.map { "\($0)" }.sorted().joined(separator: "\n") + "\n"
  }

  @Test("The golden files of version 1 are read as they were written", arguments: ["metrics", "logs"])
  func read(name: String) throws {
    let envelopeFile = GoldenTests.folder.appendingPathComponent("v1-\(name).clme")
    let factsFile = GoldenTests.folder.appendingPathComponent("v1-\(name).txt")
    let (block, tables) = name == "metrics" ? try GoldenTests.metrics() : try GoldenTests.logs()
    let opener = try BlockOpener()
    if GoldenTests.isWriting {
      try Data(try Envelope.encode(tables: tables, blocks: [block])).write(to: envelopeFile)
      try Data(description(try Facts.of(block, tables, opener)).utf8).write(to: factsFile)
    }
    let golden = try Envelope.decode([UInt8](try Data(contentsOf: envelopeFile)))
    let goldenBlock = try #require(golden.blocks.first)
    let facts = try Facts.of(goldenBlock, golden.tables, opener)
    #expect(description(facts) == (try String(contentsOf: factsFile, encoding: .utf8)))

    // What is written today is the same but for what zstd's version decides: the compressed lengths and bytes.
    #expect(golden.tables.map(\.name) == tables.map(\.name))
    #expect(goldenBlock.header.tables == block.header.tables)
    #expect(goldenBlock.header.times == block.header.times)
    #expect(goldenBlock.header.payloadBytes == block.header.payloadBytes)
    #expect(try opener.payload(of: goldenBlock) == opener.payload(of: block))
  }

  @Test("A header stands byte for byte where the format's page says")
  func layout() throws {
    let (block, tables) = try GoldenTests.metrics()
    let bytes = block.bytes
    func word<T: FixedWidthInteger>(_ at: Int, as type: T.Type = T.self) -> T {
      bytes[at..<(at + MemoryLayout<T>.size)].reversed().reduce(0) { $0 << 8 | T($1) }
    }
    #expect(Array(bytes[0..<4]) == Array("CLMB".utf8))
    #expect(bytes[4] == 1 && bytes[5] == 1 && bytes[6] == 0 && bytes[7] == 0)
    #expect(Array(bytes[8..<24]) == Array(0...15))
    #expect(word(24, as: UInt64.self) == 41)
    #expect(word(32, as: UInt64.self) == 45)
    #expect(word(40, as: UInt32.self) == 5)
    // 4 + 5 + 4 + 5 scraped samples, 2 loose ones, 2 histograms.
    #expect(word(44, as: UInt32.self) == 22)
    #expect(word(48, as: Int64.self) == 1_700_000_000_000)
    #expect(word(56, as: Int64.self) == 1_700_000_015_001)
    #expect(word(96, as: UInt16.self) == 2)
    #expect(word(98, as: UInt16.self) == 7)
    #expect(String(decoding: bytes[100..<107], as: UTF8.self) == "shop-17")
    #expect(Array(bytes[107..<123]) == tables[0].name.bytes)
    #expect(Array(bytes[123..<139]) == tables[1].name.bytes)
    #expect(word(139, as: UInt64.self) == Checksum.xxh3(Array(bytes[0..<139]).span.bytes))
    #expect(word(72, as: UInt64.self) == Checksum.xxh3(Array(bytes[147...]).span.bytes))
    #expect(word(68, as: UInt32.self) == UInt32(bytes.count - 147))
  }
}
