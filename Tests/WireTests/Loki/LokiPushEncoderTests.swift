import Codec
import Model
import Testing

@testable import Wire

/// Log rows sealed into blocks, one block a batch, numbered on.
struct LogBlocks {
  private var sequence: UInt64 = 1
  private(set) var blocks: [TabledBlock] = []

  static func table(_ streams: [Label]...) throws -> SeriesTable {
    try SeriesTable(encoding: streams.map { Series(Labels($0)) }, signal: .logs)
  }

  mutating func block(_ table: SeriesTable, source: UInt64 = 1, _ entries: (UInt32, Int64, String)...) throws {
    var sealer = try BlockSealer()
    let rows = LogRows(
      source: source, tables: [table],
      entries: entries.map {
        .init(stream: $0.0, entry: LogEntry(timestamp: UnixNanoseconds($0.1), line: Array($0.2.utf8)))
      })
    blocks += try sealer.seal(RowBatch(logs: [rows]), origin: Origin(low: 1, high: 1), firstSequence: sequence)
    sequence += UInt64(entries.count)
  }

  func delivery(_ shard: Shard? = nil) -> Delivery { Delivery(blocks: blocks, generation: 0, shard: shard) }
}

@Suite struct LokiPushEncoderTests {
  private static func lines(_ delivery: Delivery) throws -> [String: [String]] {
    var encoder = try LokiPushEncoder()
    _ = try encoder.encode(delivery, LokiLabelTexts())
    var lines: [String: [String]] = [:]
    for stream in try LokiPushDecoder.decode(encoder.message).streams {
      guard case .text(let text) = stream.identity else { continue }
      lines[String(decoding: text, as: UTF8.self), default: []] += stream.entries.map {
        String(decoding: $0.line, as: UTF8.self)
      }
    }
    return lines
  }

  @Test func entriesOfAStreamInSeveralBlocksAndTablesStandTogetherInOrder() throws {
    let one = try LogBlocks.table([Label("a", "1")], [Label("a", "2")])
    let other = try LogBlocks.table([Label("b", "1")], [Label("a", "1")])
    var logs = LogBlocks()
    try logs.block(one, (0, 5, "x1"), (1, 6, "y1"), (0, 4, "x2"))
    try logs.block(other, (1, 3, "x3"), (0, 3, "z1"))
    try logs.block(one, (0, 9, "x4"), (1, 9, "y2"))
    #expect(
      try Self.lines(logs.delivery()) == [
        #"{a="1"}"#: ["x1", "x2", "x3", "x4"], #"{a="2"}"#: ["y1", "y2"], #"{b="1"}"#: ["z1"],
      ])
  }

  @Test func onlyTheShardsSourcesAreSent() throws {
    let table = try LogBlocks.table([Label("a", "1")])
    var logs = LogBlocks()
    for source in 0..<20 { try logs.block(table, source: UInt64(source), (0, 1, "\(source)")) }
    var all: [String] = []
    for index in 0..<4 { all += try Self.lines(logs.delivery(Shard(index: index, of: 4))).values.flatMap { $0 } }
    #expect(all.sorted() == (0..<20).map { "\($0)" }.sorted())
    let held = try Self.lines(logs.delivery(Shard(index: 0, of: 4))).values.flatMap { $0 }
    #expect(held.allSatisfy { Shard(index: 0, of: 4).holds(source: UInt64($0) ?? 99) })
  }

  @Test func aDeliveryWithoutEntriesForTheShardHasNoBody() throws {
    var logs = LogBlocks()
    try logs.block(try LogBlocks.table([Label("a", "1")]), source: 7, (0, 1, "x"))
    let empty = try #require((0..<2).map { Shard(index: $0, of: 2) }.first { !$0.holds(source: 7) })
    var encoder = try LokiPushEncoder()
    #expect(try encoder.body(of: logs.delivery(empty), LokiLabelTexts()) == nil)
    #expect(try encoder.body(of: logs.delivery(), LokiLabelTexts()) != nil)
  }

  @Test func structuredMetadataCanBeLeftOut() throws {
    let entry = LogEntry(timestamp: UnixNanoseconds(-1), line: [1], structuredMetadata: [Label("k", "v")])
    let rows = LogRows(
      source: 1, tables: [try LogBlocks.table([Label("a", "1")])], entries: [.init(stream: 0, entry: entry)])
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(RowBatch(logs: [rows]), origin: Origin(low: 1, high: 1), firstSequence: 1)
    for isSent in [true, false] {
      var encoder = try LokiPushEncoder(structuredMetadata: isSent)
      _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LokiLabelTexts())
      let back = try LokiPushDecoder.decode(encoder.message).streams[0].entries[0]
      #expect(back.structuredMetadata == (isSent ? entry.structuredMetadata : []))
      #expect(back.timestamp.rawValue == -1 && back.line == [1])
    }
  }

  @Test func aMessageOfSeveralPiecesIsTheSameWhenItIsCompressedWhileItIsMade() throws {
    var logs = LogBlocks()
    let table = try LogBlocks.table([Label("a", "1")], [Label("a", "2")])
    for block in 0..<20 {
      try logs.block(
        table, (0, 1, String(repeating: "word\(block) ", count: 5000)), (1, 2, String(repeating: "x", count: 70_000)))
    }
    var encoder = try LokiPushEncoder()
    _ = try encoder.encode(logs.delivery(), LokiLabelTexts())
    let message = encoder.message
    #expect(message.count > 1 << 20)
    #expect(try encoder.body(of: logs.delivery(), LokiLabelTexts())?.bytes == Snappy.compress(message.span.bytes))
  }

  @Test func metricsAreRefused() throws {
    var rows = Rows()
    try rows.block(Rows.scrape(try Rows.table("m"), 1, [1, 2]))
    var encoder = try LokiPushEncoder()
    #expect(throws: FormatError.self) { _ = try encoder.encode(rows.delivery, LokiLabelTexts()) }
  }

  @Test func textsOfTablesAreKeptWithinTheBound() throws {
    let texts = LokiLabelTexts(limitBytes: 400)
    for at in 0..<20 { _ = try texts.texts(of: try LogBlocks.table([Label("a", "\(at)")])) }
    #expect(texts.bytes <= 400 && texts.bytes > 0)
  }
}
