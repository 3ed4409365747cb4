import Model
import Testing

@testable import Wire

@Suite struct LokiPushJSONTests {
  private static func decode(_ text: String) throws -> [LokiPush.Stream] {
    try LokiPushJSON.decode(Array(text.utf8)).streams
  }

  private static func entry(_ time: Int64, _ line: String, _ metadata: [Label] = []) -> LogEntry {
    LogEntry(timestamp: UnixNanoseconds(time), line: Array(line.utf8), structuredMetadata: metadata)
  }

  @Test func thePresentForm() throws {
    let streams = try Self.decode(
      #"""
      {"streams":[{"values":[["1570818238000000001","a\n",{"x":"1","x":"2"}],["-5","b"],["9223372036854775807",""]],
        "stream":{"foo":"bar"}, "other":[{}]}], "more":null}
      """#)
    #expect(
      streams == [
        .init(
          .pairs([Label("foo", "bar")]),
          entries: [
            Self.entry(1_570_818_238_000_000_001, "a\n", [Label("x", "1"), Label("x", "2")]), Self.entry(-5, "b"),
            Self.entry(.max, ""),
          ])
      ])
  }

  @Test func theOldForm() throws {
    let streams = try Self.decode(
      #"""
      {"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"1970-01-01T00:00:01.5Z","line":"x"},
        {"line":"y","ts":"0001-01-01T00:00:00Z"},{"ts":"1970-01-01T00:00:02Z","line":"z","structuredMetadata":{"k":"v"}}]}]}
      """#)
    var expected = LokiPush.Stream(
      .text(Array(#"{a="b"}"#.utf8)),
      entries: [Self.entry(1_500_000_000, "x"), Self.entry(2_000_000_000, "z", [Label("k", "v")])])
    expected.entriesOutOfReach = 1
    #expect(streams == [expected])
  }

  @Test func nothingIsNoStreams() throws {
    #expect(try Self.decode("{}").isEmpty)
    #expect(try Self.decode(#"{"streams":null}"#).isEmpty)
    #expect(try Self.decode(#"{"streams":[]}"#).isEmpty)
  }

  @Test(arguments: [
    "", "null", "[]", "{\"streams\":{}}", #"{"streams":[{"stream":{"a":1},"values":[]}]}"#,
    #"{"streams":[{"stream":{},"values":[["1"]]}]}"#, #"{"streams":[{"stream":{},"values":[[1,"x"]]}]}"#,
    #"{"streams":[{"stream":{},"values":[["1","x",{},"y"]]}]}"#, #"{"streams":[{"stream":{},"values":[["1.5","x"]]}]}"#,
    #"{"streams":[{"stream":{},"values":[["9223372036854775808","x"]]}]}"#,
    #"{"streams":[{"stream":{},"values":[["1",{"fizz":"buzz"}]]}]}"#,
    #"{"streams":[{"stream":{},"values":[["","x"]]}]}"#,
    #"{"streams":[{"labels":"{}","entries":[{"ts":"yesterday","line":""}]}]}"#, #"{"streams":[]} x"#,
    #"{"streams":[null]}"#,
  ])
  func whatIsNoPushIsRefused(text: String) {
    #expect(throws: WireError.self) { try Self.decode(text) }
  }
}
