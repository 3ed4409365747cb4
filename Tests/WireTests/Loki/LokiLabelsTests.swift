import Model
import Testing

@testable import Wire

@Suite struct LokiLabelsTests {
  private static func text(_ labels: Label...) -> String {
    String(decoding: LokiLabels.text(of: Labels(labels)), as: UTF8.self)
  }

  private static func parse(_ text: String) throws -> [Label] { try LokiLabels.parse(Array(text.utf8)).pairs }

  @Test func pairsAreSortedAsStrings() {
    // By names "a" comes first, as strings "a1=…" does.
    #expect(Self.text(Label("a", "x"), Label("a1", "y"), Label("b", "z")) == #"{a1="y", a="x", b="z"}"#)
    #expect(Self.text() == "{}")
  }

  @Test func theTenantAndEmptyValuesAreNoPart() {
    #expect(Self.text(Label("__tenant_id__", "t"), Label("a", ""), Label("b", "z")) == #"{b="z"}"#)
    let kept = LokiLabels.text(of: Labels([Label("__tenant_id__", "t")]), keepingTenant: true)
    #expect(String(decoding: kept, as: UTF8.self) == #"{__tenant_id__="t"}"#)
  }

  @Test("Values are quoted as Go does")
  func quoting() {
    #expect(
      Self.text(Label("a", "\u{07}\u{08}\t\n\u{0B}\u{0C}\r\"\\ é\u{1}\u{7F}\u{A0}\u{200B}\u{10FFFF}😀"))
        == "{a=\"\\a\\b\\t\\n\\v\\f\\r\\\"\\\\ é\\x01\\x7f\\u00a0\\u200b\\U0010ffff😀\"}")
  }

  @Test func namesThatAreNoIdentifiersAreQuoted() throws {
    #expect(Self.text(Label("a.b", "x"), Label("1", "y")) == #"{"1"="y", "a.b"="x"}"#)
    #expect(try Self.parse(#"{"1"="y", "a.b"="x"}"#) == [Label("1", "y"), Label("a.b", "x")])
  }

  @Test func aTextIsReadUpToSoManyPairs() throws {
    func text(_ pairs: Int) -> String { "{" + (0..<pairs).map { "a\($0)=\"x\"" }.joined(separator: ",") + "}" }
    #expect(try Self.parse(text(4096)).count == 4096)
    // Labels without a value are none, but take memory while they are read.
    for text in [text(4097), "{" + String(repeating: "a=\"\",", count: 1_000_000) + "}"] {
      #expect {
        try Self.parse(text)
      } throws: { error in
        (error as? WireError)?.kind == .tooLarge
      }
    }
  }

  @Test func textsAreReadAsPrometheusReadsThem() throws {
    #expect(
      try Self.parse(#"{job="varlogs", filename="/a b"}"#) == [Label("filename", "/a b"), Label("job", "varlogs")])
    #expect(try Self.parse("{a='x\\'y',b=`raw\\n`,}") == [Label("a", "x'y"), Label("b", "raw\\n")])
    #expect(try Self.parse(" up { a = \"b\" } ") == [Label("__name__", "up"), Label("a", "b")])
    #expect(try Self.parse("a:b") == [Label("__name__", "a:b")])
    #expect(try Self.parse(#"{a="\x41\102\u00e9\U0001F600\a\v"}"#) == [Label("a", "AB\u{e9}😀\u{7}\u{b}")])
    #expect(try Self.parse(#"{a="", b="x"}"#) == [Label("b", "x")])
    #expect(try Self.parse("{}").isEmpty)
  }

  @Test("What is not UTF-8 becomes U+FFFD")
  func brokenBytes() throws {
    #expect(try Self.parse(#"{a="\xffz"}"#) == [Label("a", "\u{FFFD}z")])
    let raw = try LokiLabels.parse(Array("{a=\"".utf8) + [0xFF] + Array("\"}".utf8))
    #expect(raw.pairs == [Label("a", "\u{FFFD}")])
  }

  @Test(arguments: [
    "", "{", "}", "{a}", "{a=}", "{a=b}", "{a=\"b\"", "{a=\"b}", "{a=\"b\"}x", "{a!=\"b\"}", "{a=~\"b\"}", "{,}",
    "{a=\"b\",,}", "{a=\"b\" c=\"d\"}", "{1a=\"b\"}", "{a.b=\"c\"}", "{a=\"\\q\"}", "{a=\"\\400\"}", "{a=\"\\ud800\"}",
    "{a=\"\\U00110000\"}", "{a=\"x\ny\"}", "{a=`b}", "{a=\"1\", a=\"2\"}", "{\"\"=\"x\"}", "{a=\"\\'\"}",
    "{a=\"\\x4\"}",
  ])
  func whatIsNoLabelTextIsRefused(text: String) {
    #expect(throws: WireError.self) { try Self.parse(text) }
  }

  @Test func anErrorSaysWhere() {
    #expect {
      try Self.parse(#"{a="b", c}"#)
    } throws: { ($0 as? WireError)?.offset == 9 }
  }
}
