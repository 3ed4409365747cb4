import Codec
import Model
import Testing

@testable import Wire

@Suite struct ProducerBatchTests {
  private static func blocks(_ labels: [[Label]], _ entries: (UInt32, LogEntry)...) throws -> [TabledBlock] {
    let table = try SeriesTable(encoding: labels.map { Series(Labels($0)) }, signal: .logs)
    var sealer = try BlockSealer()
    return try sealer.seal(
      RowBatch(
        logs: [LogRows(source: 1, tables: [table], entries: entries.map { .init(stream: $0.0, entry: $0.1) })]),
      origin: Origin(low: 1, high: 1), firstSequence: 1)
  }

  private static func entry(_ time: Int64, _ line: String, _ metadata: [Label] = []) -> LogEntry {
    LogEntry(timestamp: UnixNanoseconds(time), line: Array(line.utf8), structuredMetadata: metadata)
  }

  private static let created = UnixNanoseconds(1_650_967_200_200_000_000)

  @Test("The bytes are those of the original")
  func golden() throws {
    let blocks = try Self.blocks(
      [[Label("job", "varlogs"), Label("filename", "/var/log/a.log")], [Label("a", "<b>")]],
      (0, Self.entry(1_650_967_200_123_456_789, "hello")), (1, Self.entry(0, "<&>\"\\\u{1}\t\u{2028}é")))
    let json = try ProducerBatch.encode(blocks, tenant: try #require(Tenant("team-a")), createdAt: Self.created)
    #expect(
      String(decoding: json, as: UTF8.self)
        == #"{"batch":{"streams":{"{a=\"\u003cb\u003e\"}":{"labels":"{a=\"\u003cb\u003e\"}","entries":"#
        + #"[{"ts":"1970-01-01T00:00:00Z","line":"\u003c\u0026\u003e\"\\\u0001\t\u2028é"}]},"#
        + #""{filename=\"/var/log/a.log\", job=\"varlogs\"}":{"labels":"{filename=\"/var/log/a.log\", job=\"varlogs\"}","#
        + #""entries":[{"ts":"2022-04-26T10:00:00.123456789Z","line":"hello"}]}},"bytes":17,"#
        + #""createdAt":"2022-04-26T10:00:00.2Z"},"tenantID":"team-a"}"#)
  }

  @Test func bytesThatAreNotUTF8BecomeAReplacementEach() throws {
    let line: [UInt8] = [0x61, 0xFF, 0xE2, 0x82] + Array("<é".utf8)
    let blocks = try Self.blocks(
      [[Label("a", "b")]], (0, LogEntry(timestamp: UnixNanoseconds(1), line: line)))
    let json = try ProducerBatch.encode(blocks, tenant: .default, createdAt: Self.created)
    #expect(String(decoding: json, as: UTF8.self).contains(#""line":"a\ufffd\ufffd\ufffd\u003cé""#))
    let back = try ProducerBatch.decode(json)
    #expect(back.push.streams[0].entries[0].line == Array("a\u{FFFD}\u{FFFD}\u{FFFD}<é".utf8))
  }

  @Test func structuredMetadataComesBack() throws {
    let entries = [Self.entry(1, "x", [Label("k", "v\""), Label("k", "w")]), Self.entry(2, "y")]
    let blocks = try Self.blocks([[Label("a", "b")]], (0, entries[0]), (0, entries[1]))
    let json = try ProducerBatch.encode(blocks, tenant: .default, createdAt: Self.created)
    let back = try ProducerBatch.decode(json)
    #expect(
      back
        == {
          var want = ProducerBatch.Decoded()
          want.push = LokiPush(streams: [.init(.text(Array(#"{a="b"}"#.utf8)), entries: entries)])
          return want
        }())
  }

  @Test func itIsReadAsGoReadsIt() throws {
    let json = #"""
      {"TenantID":"t","more":{"x":[1]},"BATCH":{"Bytes":-1,"createdAt":"whenever","STREAMS":{"ignored":{"Labels":"{a=\"b\"}","ENTRIES":[
        {"TS":"1970-01-01T02:00:01+02:00","Line":"x","other":1},{"line":"no time"},null,{"ts":"1970-01-01T00:00:00Z","line":null}]},
        "dead":null,"empty":{}}}}
      """#
    let decoded = try ProducerBatch.decode(Array(json.utf8))
    #expect(decoded.tenant == "t")
    var stream = LokiPush.Stream(
      .text(Array(#"{a="b"}"#.utf8)), entries: [Self.entry(1_000_000_000, "x"), Self.entry(0, "")])
    stream.entriesOutOfReach = 2
    #expect(decoded.push.streams == [stream, LokiPush.Stream()])
    #expect(try ProducerBatch.decode(Array(#"{"batch":null}"#.utf8)) == .init())
  }

  @Test(arguments: [
    "", "[]", #"{"batch":[]}"#, #"{"tenantID":5}"#, #"{"batch":{"streams":[]}}"#,
    #"{"batch":{"streams":{"a":{"labels":5}}}}"#, #"{"batch":{"streams":{"a":{"entries":[{"ts":"x"}]}}}}"#,
    #"{"batch":{"streams":{"a":{"entries":[{"line":5}]}}}}"#, #"{"tenantID":"a"}}"#,
  ])
  func whatIsNoBatchIsRefused(text: String) {
    #expect(throws: WireError.self) { try ProducerBatch.decode(Array(text.utf8)) }
  }

  @Test func theProtobufAroundItIsOneField() throws {
    #expect(ProducerBatch.wrap([1, 2, 3]) == [0x0a, 3, 1, 2, 3])
    #expect(try ProducerBatch.unwrap([0x0a, 3, 1, 2, 3]) == [1, 2, 3])
    #expect(try ProducerBatch.unwrap([]) == [])
    #expect(throws: WireError.self) { try ProducerBatch.unwrap([0x0a, 3, 1, 2]) }
  }

  @Test func metricsAreRefused() throws {
    var rows = Rows()
    try rows.block(Rows.scrape(try Rows.table("m"), 1, [1, 2]))
    #expect(throws: FormatError.self) {
      try ProducerBatch.encode(rows.blocks, tenant: .default, createdAt: Self.created)
    }
  }
}
