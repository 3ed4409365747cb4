import Codec
import Model
import Testing

@testable import Wire

/// Rows sealed into blocks, one block a batch, numbered on.
struct Rows {
  private var sequence: UInt64 = 1
  private(set) var blocks: [TabledBlock] = []

  mutating func block(_ rows: MetricRow...) throws {
    var sealer = try BlockSealer()
    blocks += try sealer.seal(RowBatch(metrics: rows), origin: Origin(low: 1, high: 1), firstSequence: sequence)
    sequence += UInt64(rows.count)
  }

  var delivery: Delivery { Delivery(blocks: blocks, generation: 0) }

  static func table(_ name: String, _ series: Int = 2) throws -> SeriesTable {
    try SeriesTable(encoding: (0..<series).map { Series(Labels([Label("__name__", name), Label("n", "\($0)")])) })
  }

  static func scrape(
    _ table: SeriesTable, _ time: Int64, _ values: [Double], source: UInt64 = 1, absent: [UInt32] = [],
    own: [ScrapeRow.OwnTimestamp] = [], extras: MetricExtras = .init()
  ) -> MetricRow {
    .scrape(
      ScrapeRow(
        source: source, tables: [table], timestamp: UnixMilliseconds(time), values: values, absent: absent,
        ownTimestamps: own, extras: extras))
  }
}

@Suite struct RemoteWriteEncoderTests {
  typealias Sample = RemoteWriteRequest.Sample

  private static func encoded(
    _ delivery: Delivery, _ options: RemoteWriteOptions = .init()
  ) throws -> (RemoteWriteRequest, RemoteWriteCounts) {
    var encoder = try RemoteWriteEncoder()
    let counts = try encoder.encode(delivery, LabelTemplates(), options)
    let message = encoder.withMessage { Snappy.compress($0) }
    // The body that is compressed while it is made is the same.
    #expect(try encoder.body(of: delivery, LabelTemplates(), options) == (counts.series == 0 ? nil : message))
    return (try RemoteWriteDecoder.decode(compressed: message), counts)
  }

  private static func samples(_ pairs: (Int64, Double)...) -> [Sample] {
    pairs.map { Sample(timestamp: UnixMilliseconds($0.0), valueBits: $0.1.bitPattern) }
  }

  @Test("A message of several pieces is the same when it is compressed while it is made")
  func largeBody() throws {
    let table = try SeriesTable(
      encoding: (0..<3000).map { Series(Labels([Label("__name__", "m"), Label("n", "\($0)")])) })
    var rows = Rows()
    for minute in 0..<20 {
      try rows.block(Rows.scrape(table, Int64(minute) * 60_000, (0..<3000).map { Double($0 * minute) / 8 }))
    }
    let (request, counts) = try Self.encoded(rows.delivery)
    #expect(counts.samples == 60_000 && request.series.count == 3000)
  }

  @Test("A message has the bytes of the specification")
  func golden() throws {
    let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "up")]))])
    var rows = Rows()
    try rows.block(Rows.scrape(table, 300, [1]), Rows.scrape(table, 400, [0]))
    var encoder = try RemoteWriteEncoder()
    _ = try encoder.encode(rows.delivery, LabelTemplates())
    let label: [UInt8] = [0x0a, 14, 0x0a, 8] + Array("__name__".utf8) + [0x12, 2] + Array("up".utf8)
    let one: [UInt8] = [0x12, 12, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02]
    // Zero is what is left out.
    let zero: [UInt8] = [0x12, 3, 0x10, 0x90, 0x03]
    #expect(encoder.message == [0x0a, UInt8(16 + 14 + 5)] + label + one + zero)
  }

  @Test func samplesOfASeriesInSeveralBlocksStandTogether() throws {
    let table = try Rows.table("m")
    var rows = Rows()
    try rows.block(Rows.scrape(table, 1000, [1, 10]))
    try rows.block(Rows.scrape(table, 2000, [2, 20]), Rows.scrape(table, 3000, [3, 30]))
    let (request, counts) = try Self.encoded(rows.delivery)
    #expect(
      request.series.map(\.samples) == [
        Self.samples((1000, 1), (2000, 2), (3000, 3)), Self.samples((1000, 10), (2000, 20), (3000, 30)),
      ])
    #expect(
      request.series.map(\.labels) == [
        [Label("__name__", "m"), Label("n", "0")], [Label("__name__", "m"), Label("n", "1")],
      ])
    #expect(counts.series == 2 && counts.samples == 6)
  }

  @Test func mergedBlocksGiveTheSameMessage() throws {
    let table = try Rows.table("m", 70)
    var rows = Rows()
    for row in 0..<40 { try rows.block(Rows.scrape(table, Int64(row) * 1000, (0..<70).map { Double($0 * row) })) }
    var sealer = try BlockSealer()
    let merged = try sealer.merge(rows.blocks.map(\.block)).map { TabledBlock(block: $0, tables: [table]) }
    #expect(merged.count == 1)
    var encoder = try RemoteWriteEncoder()
    _ = try encoder.encode(rows.delivery, LabelTemplates())
    let apart = encoder.message
    _ = try encoder.encode(Delivery(blocks: merged, generation: 0), LabelTemplates())
    #expect(encoder.message == apart)
  }

  @Test func aSeriesWithoutASampleIsLeftOut() throws {
    let table = try Rows.table("m", 3)
    var rows = Rows()
    try rows.block(Rows.scrape(table, 1000, [1, 2, 3], absent: [0, 1]))
    try rows.block(Rows.scrape(table, 2000, [4, 5, 6], absent: [1]))
    let (request, counts) = try Self.encoded(rows.delivery)
    #expect(request.series.map(\.samples) == [Self.samples((2000, 4)), Self.samples((1000, 3), (2000, 6))])
    #expect(counts.samples == 3)
  }

  @Test func everyBitOfAValueArrives() throws {
    let values = [
      StaleMarker.value, -0.0, .infinity, -.infinity, Double(bitPattern: 0x7ff8_dead_beef_0001), .leastNonzeroMagnitude,
    ]
    let table = try Rows.table("m", values.count)
    var rows = Rows()
    try rows.block(Rows.scrape(table, 1000, values))
    let (request, _) = try Self.encoded(rows.delivery)
    #expect(request.series.map { $0.samples.map(\.valueBits) } == values.map { [$0.bitPattern] })
  }

  @Test func samplesWithTimesOfTheirOwnHaveThemInOrder() throws {
    let table = try Rows.table("m")
    var rows = Rows()
    try rows.block(Rows.scrape(table, 1000, [1, 10], own: [.init(series: 1, timestamp: UnixMilliseconds(5000))]))
    try rows.block(Rows.scrape(table, 2000, [2, 20], own: [.init(series: 1, timestamp: UnixMilliseconds(-7))]))
    let (request, _) = try Self.encoded(rows.delivery)
    #expect(request.series.map(\.samples) == [Self.samples((1000, 1), (2000, 2)), Self.samples((-7, 20), (5000, 10))])
  }

  @Test func scrapesWhoseClockWentBackStandInTheOrderOfTime() throws {
    let table = try Rows.table("m")
    var rows = Rows()
    try rows.block(Rows.scrape(table, 3000, [3, 30]), Rows.scrape(table, 1000, [1, 10], absent: [1]))
    try rows.block(Rows.scrape(table, 2000, [2, 20]))
    let (request, _) = try Self.encoded(rows.delivery)
    #expect(
      request.series.map(\.samples) == [
        Self.samples((1000, 1), (2000, 2), (3000, 3)), Self.samples((2000, 20), (3000, 30)),
      ])
  }

  @Test func aSourceThatComesBackToATableDoesNotPassWhatCameBetween() throws {
    let (one, other) = (try Rows.table("m", 1), try Rows.table("m", 2))
    var rows = Rows()
    try rows.block(Rows.scrape(one, 1000, [1]))
    try rows.block(Rows.scrape(other, 2000, [2, 20]))
    try rows.block(Rows.scrape(one, 3000, [3]))
    let (request, _) = try Self.encoded(rows.delivery)
    let first = request.series.filter { $0.labels.last?.value == "0" }
    #expect(first.flatMap(\.samples) == Self.samples((1000, 1), (2000, 2), (3000, 3)))
  }

  @Test func looseSamplesOfASeriesStandTogether() throws {
    let table = try Rows.table("m", 200)
    var rows = Rows()
    func loose(_ samples: (UInt32, Int64, Double)...) -> MetricRow {
      .loose(
        LooseRow(
          source: 9, tables: [table],
          samples: samples.map { .init(series: $0.0, timestamp: UnixMilliseconds($0.1), value: $0.2) }))
    }
    try rows.block(loose((150, 2000, 1), (3, 1000, 2), (150, 1000, 3)))
    try rows.block(loose((3, 1000, 4), (150, 3000, 5)))
    let (request, _) = try Self.encoded(rows.delivery)
    #expect(request.series.map { $0.labels.last?.value } == ["3", "150"])
    #expect(
      request.series.map(\.samples) == [
        Self.samples((1000, 2), (1000, 4)), Self.samples((1000, 3), (2000, 1), (3000, 5)),
      ])
  }

  @Test func onlyTheSourcesOfTheShardAreWritten() throws {
    let table = try Rows.table("m", 1)
    var rows = Rows()
    for source in 0..<20 { try rows.block(Rows.scrape(table, 1000, [Double(source)], source: UInt64(source))) }
    var seen: [Double] = []
    for index in 0..<3 {
      let shard = Shard(index: index, of: 3)
      let (request, _) = try Self.encoded(Delivery(blocks: rows.blocks, generation: 0, shard: shard))
      let values = request.series.flatMap(\.samples).map(\.value)
      #expect(values.allSatisfy { shard.holds(source: UInt64($0)) })
      seen += values
    }
    #expect(seen.sorted() == (0..<20).map(Double.init))
  }

  @Test func anExemplarGoesWithItsSeriesOnceAndHasItsSamplesTimeWhereItHasNone() throws {
    let table = try Rows.table("m", 3)
    func exemplar(_ series: UInt32, _ time: Int64?) -> MetricExtras.SeriesExemplar {
      .init(
        series: series,
        exemplar: Exemplar(labels: Labels([Label("trace_id", "a")]), value: 2, timestamp: time.map { .init($0) }))
    }
    var rows = Rows()
    try rows.block(
      Rows.scrape(table, 1000, [1, 2, 3], absent: [0], extras: .init(exemplars: [exemplar(0, 5), exemplar(1, 900)])),
      Rows.scrape(
        table, 2000, [1, 2, 3], absent: [0], extras: .init(exemplars: [exemplar(2, nil), exemplar(1, 900)])))
    let (request, counts) = try Self.encoded(rows.delivery)
    #expect(request.series.map { $0.exemplars.map(\.timestamp.rawValue) } == [[900], [2000]])
    #expect(counts.exemplars == 2)
    var options = RemoteWriteOptions()
    options.exemplars = false
    #expect(try Self.encoded(rows.delivery, options).0.series.allSatisfy(\.exemplars.isEmpty))
  }

  @Test func aSeriesOfHistogramsNeedsNoSamples() throws {
    let table = try Rows.table("m")
    let histogram = NativeHistogram(
      resetHint: 3, schema: -53, zeroThreshold: 0, sum: .nan,
      counts: .integer(count: 0, zeroCount: 0, positiveDeltas: [1, -1], negativeDeltas: []),
      positiveSpans: [.init(offset: -2, length: 2)], customBounds: [0.5, 1])
    var rows = Rows()
    try rows.block(
      Rows.scrape(
        table, 1000, [1, 2], absent: [1],
        extras: .init(histograms: [.init(series: 1, timestamp: .init(1000), histogram: histogram)])))
    let (request, counts) = try Self.encoded(rows.delivery)
    #expect(request.series.last?.histograms == [.init(timestamp: .init(1000), histogram: histogram)])
    #expect(counts.histograms == 1 && request.series.count == 2)
    var options = RemoteWriteOptions()
    options.nativeHistograms = false
    #expect(try Self.encoded(rows.delivery, options).0.series.count == 1)
  }

  @Test func logEntriesAreNoSamples() throws {
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "syslog")]))], signal: .logs)
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(
      RowBatch(logs: [
        LogRows(source: 1, tables: [table], entries: [.init(stream: 0, entry: .init(timestamp: .init(1), line: [1]))])
      ]), origin: Origin(low: 1, high: 1), firstSequence: 1)
    #expect(throws: FormatError.self) { try Self.encoded(Delivery(blocks: blocks, generation: 0)) }
  }
}
