import Model
import Testing

@testable import Parsing

@Suite("The text format 0.0.4")
struct TextParserTests {
  @Test("a sample is its key, its value and its timestamp")
  func samples() {
    let (entries, error) = parseAll(Array("a 1\nb{x=\"y\"} -2.5 1700000000000\n".utf8))
    #expect(error == nil)
    #expect(entries.map(\.series) == ["a", "b{x=\"y\"}"])
    #expect(entries.map { Double(bitPattern: $0.value) } == [1, -2.5])
    #expect(entries.map(\.timestamp) == [nil, 1_700_000_000_000])
    #expect(entries[1].labels == ["__name__": "b", "x": "y"])
  }

  @Test("the last line needs no end")
  func lastLine() {
    for text in ["a 1", "a 1 2", "a{b=\"c\"}1", "a 1 ", "a 1\t2\t"] { #expect(parsed(text)?.count == 1, "\(text)") }
  }

  @Test("blanks and empty lines are no entries, and a key has no blanks around it")
  func blanks() {
    let entries = parsed("\n \t\n  a \t 1\n\t{ \"b\" , c = \"d\" }  2  3 \n\n")
    #expect(entries?.map(\.series) == ["a", "{ \"b\" , c = \"d\" }"])
    #expect(entries?[0].labels == ["__name__": "a"])
    #expect(entries?[1].labels == ["__name__": "b", "c": "d"])
  }

  @Test("a value may follow the name or the brace at once")
  func noBlankBeforeValue() {
    let entries = parsed("a+1\nb{}2\nc-.5\n")
    #expect(entries?.map(\.series) == ["a", "b{}", "c"])
    #expect(entries?.map { Double(bitPattern: $0.value) } == [1, 2, -0.5])
  }

  @Test("braces, hashes and line ends inside of quotes belong to the value")
  func quotes() {
    let entries = parsed("a{b=\"}#{\",c=\"x\ny\"} 1\n")
    #expect(entries?[0].labels == ["__name__": "a", "b": "}#{", "c": "x\ny"])
  }

  @Test("three escapes are known in a label's value, two in a help text; other backslashes stay")
  func escapes() {
    let entries = parsed(#"a{b="\\n\"\n\q\\"} 1"# + "\n" + #"# HELP a \\n\"\n\q\"#)
    #expect(entries?[0].labels["b"] == "\\n\"\n\\q\\")
    #expect(entries?[1].text == "\\n\\\"\n\\q\\")
  }

  @Test("names in quotes may hold anything but NUL, and stand anywhere in the braces")
  func quotedNames() {
    #expect(parsed("{\"my.metric\",\"label.x\"=\"y\"} 1")?[0].labels == ["__name__": "my.metric", "label.x": "y"])
    #expect(parsed("{a=\"b\",\"ü{}\"} 1")?[0].labels == ["__name__": "ü{}", "a": "b"])
    #expect(reason("{\"a\0\"} 1") == .labelNameExpected)
    #expect(reason("{\"a\",\"b\"} 1") == .metricNameRepeated)
    #expect(reason("a{\"b\"} 1") == .metricNameRepeated)
    #expect(reason("{a=\"b\"} 1") == .metricNameMissing)
    #expect(reason("{} 1") == .metricNameMissing)
  }

  @Test("names and values that are not UTF-8 are refused")
  func notUTF8() {
    #expect(reason(Array("a{b=\"".utf8) + [0xFF] + Array("\"} 1".utf8)) == .labelValueNotUTF8)
    #expect(reason(Array("{\"a".utf8) + [0xC3] + Array("\"} 1".utf8)) == .nameNotUTF8)
    #expect(reason(Array("# HELP a ".utf8) + [0x80]) == .helpNotUTF8)
    // A surrogate and an overlong form.
    #expect(reason(Array("a{b=\"".utf8) + [0xED, 0xA0, 0x80] + Array("\"} 1".utf8)) == .labelValueNotUTF8)
    #expect(reason(Array("a{b=\"".utf8) + [0xC0, 0xAF] + Array("\"} 1".utf8)) == .labelValueNotUTF8)
    // A comment may hold anything.
    #expect(reason([0x23, 0xFF, 0x0A]) == nil)
  }

  @Test("HELP and TYPE need a blank on both sides; else the line is a comment")
  func metadataWords() {
    #expect(
      parsed("# \t HELP \t a  b \n#TYPE a counter\n# HELP\n# TYPES a\n#\n")?.map(\.kind) == [
        "help", "comment", "comment", "comment", "comment",
      ])
    #expect(parsed("# HELP a  b \n")?[0].text == " b ")
    #expect(parsed("# HELP a   \n")?[0].text == "")
    #expect(parsed("# HELP a")?[0].text == "")
    #expect(parsed("# HELP \"a b\" c")?[0].metric == "a b")
    #expect(reason("# HELP \n") == .metadataName)
    #expect(reason("# TYPE 1a counter\n") == .metadataName)
    #expect(reason("# TYPE \"a counter\n") == .metadataName)
  }

  @Test("a type is one of five words and nothing more")
  func types() {
    let words = ["counter": "counter", "gauge": "gauge", "histogram": "histogram", "summary": "summary"]
    for (word, type) in words { #expect(parsed("# TYPE a \(word)\n")?[0].text == type) }
    #expect(parsed("# TYPE a untyped\n")?[0].text == "unknown")
    for word in ["unknown", "info", "Counter", "counter ", " counter", "counter\r", ""] {
      #expect(reason("# TYPE a \(word)\n") == .unknownType(word == "" ? "" : word), "\(word)")
    }
  }

  @Test("bounds and quantiles are written one way, under their own type only")
  func bounds() {
    let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# TYPE s summary\ns{quantile=\"0.50\",le=\"1\"} 1\n"
    let entries = parsed(text)
    #expect(entries?[1].labels["le"] == "1.0")
    #expect(entries?[3].labels == ["__name__": "s", "quantile": "0.5", "le": "1"])
  }

  @Test("a line's end is a newline alone")
  func carriageReturns() {
    #expect(reason("a 1\r\n") == .valueMalformed)
    #expect(reason("\r\n") == .lineStart)
    #expect(reason("a 1 2\r\n") == .lineBreakExpected)
  }

  @Test("a NUL where a line begins ends the exposition, elsewhere it is refused but in values, help and comments")
  func null() {
    #expect(parsed("a 1\n\0b")?.count == 1)
    #expect(parsed("a{b=\"\0\"} 1")?[0].labels["b"] == "\0")
    #expect(reason("a\0 1") != nil)
    #expect(reason("a 1\0") == .valueMalformed)
    #expect(reason("a 1 2\0") == .lineBreakExpected)
    #expect(reason("a{\0b=\"c\"} 1") == .labelNameExpected)
  }

  @Test("timestamps are digits within 64 bits")
  func timestamps() {
    #expect(parsed("a 1 9223372036854775807")?[0].timestamp == .max)
    #expect(reason("a 1 9223372036854775808") == .timestampOutOfRange)
    #expect(reason("a 1 99999999999999999999999999") == .timestampOutOfRange)
    for text in ["-1", "+1", "x", "{"] { #expect(reason("a 1 \(text)") == .timestampExpected, "\(text)") }
    for text in ["1.5", "1e3", "1 2", "1_0"] { #expect(reason("a 1 \(text)") == .lineBreakExpected, "\(text)") }
  }

  @Test("what is missing in the braces is said where it is missing")
  func malformedSeries() {
    #expect(reason("a{b=\n") == .labelValueExpected)
    #expect(reason("a{b='c'} 1") == .labelValueExpected)
    #expect(reason("a{b=\"c} 1\n") == .labelValueExpected)
    #expect(reason("a{b=\"c\\\n\"} 1\n") == .labelValueExpected)
    #expect(reason("a{b \"c\"} 1") == .equalsExpected)
    #expect(reason("a{b} 1") == .equalsExpected)
    #expect(reason("a{=\"c\"} 1") == .labelNameExpected)
    #expect(reason("a{,} 1") == .labelNameExpected)
    #expect(reason("a{b=\"c\",,} 1") == .labelNameExpected)
    #expect(reason("a{b=\"c\"") == .labelNameExpected)
    #expect(reason("a{b:c=\"c\"} 1") == .equalsExpected)
    #expect(reason("a{b=\"c\"}\n") == .valueExpected)
    #expect(reason("a\n") == .valueExpected)
    #expect(reason("a{}{} 1") == .valueExpected)
    #expect(reason("@ 1") == .lineStart)
  }

  @Test("an error knows its line, its byte and the text before it")
  func errorPosition() throws {
    let error = try #require(parseAll(Array("a 1\nb{c=\"d\"} x\ne 1\n".utf8)).error)
    #expect(error.reason == .valueMalformed)
    #expect(error.line == 2)
    #expect(error.offset == 13)
    #expect(error.excerpt == "b{c=\"d\"} x")
    #expect("\(error)" == "line 2, byte 13: the value is not a number in `b{c=\"d\"} x`")
    let long = try #require(parseAll(Array(("a{b=\"" + String(repeating: "x", count: 9000) + "\"} \u{1}").utf8)).error)
    #expect(long.excerpt.utf8.count < 140)
    #expect(long.excerpt.hasSuffix("\\x01"))
  }

  @Test("after an error the parser stands behind the line at fault")
  func goesOn() throws {
    let bytes = Array("a 1\nb{c 2\n?\n# TYPE d nonsense\nd 4\n".utf8)
    var parser = TextParser()
    var names: [String] = []
    var errors: [Int] = []
    while true {
      do throws(ExpositionError) {
        guard let entry = try parser.next(in: bytes.span) else { break }
        if case .sample(let series, _, _) = entry { names.append(String(decoding: bytes[series], as: UTF8.self)) }
      } catch {
        errors.append(error.line)
      }
    }
    #expect(names == ["a", "d"])
    #expect(errors == [2, 3, 4])
  }

  @Test("a label's name stands once in a series")
  func repeatedLabels() throws {
    #expect(refusal(labels: "a{b=\"1\",b=\"2\"} 1") == .labelRepeated("b"))
    #expect(refusal(labels: "a{b=\"1\",\"b\"=\"1\"} 1") == .labelRepeated("b"))
    #expect(refusal(labels: "a{__name__=\"b\"} 1") == .labelRepeated("__name__"))
    #expect(refusal(labels: "a{b=\"1\",c=\"1\"} 1") == nil)
  }

  @Test("labels come in the order of their names' bytes")
  func order() throws {
    let bytes = Array("m{b=\"1\",A=\"2\",a=\"3\",aa=\"4\",\"ä\"=\"5\"} 1".utf8)
    var series = TextSeries()
    try series.parse(0..<bytes.count - 2, in: bytes.span)
    let labels = try series.labels(in: bytes.span, under: .unknown)
    #expect(labels.pairs.map(\.name) == ["A", "__name__", "a", "aa", "b", "ä"])
    #expect(
      labels
        == Labels([
          Label("__name__", "m"), Label("b", "1"), Label("A", "2"), Label("a", "3"), Label("aa", "4"), Label("ä", "5"),
        ]))
  }

  @Test("a line that begins with the expected series gives its sample, any other line nothing")
  func expected() throws {
    func sample(_ key: String, _ line: String) throws -> Double? {
      let bytes = Array(line.utf8)
      var parser = TextParser()
      let hash = KeyHash(seed: 5)
      guard let key = hash.key(0..<key.utf8.count, in: Array(key.utf8).span) else { return nil }
      let found = try parser.sample(of: key, by: hash, in: bytes.span)
      #expect(found == nil ? parser.offset == 0 : parser.offset == bytes.count)
      return found?.value
    }
    #expect(try sample("a", "a 1\n") == 1)
    #expect(try sample("a", "a\t 1 5") == 1)
    #expect(try sample("a{b=\"c\"}", "a{b=\"c\"}2") == 2)
    #expect(try sample("{\"a\"}", "{\"a\"} NaN\n")?.bitPattern == TextParser.canonicalNaN.bitPattern)
    for line in ["ab 1", "a{} 1", "a {} 1", "a+1", "a", "a\n", "", "b 1", " a 1", "#a 1"] {
      #expect(try sample("a", line) == nil, "\(line)")
    }
    #expect(throws: ExpositionError.self) { try sample("a", "a x\n") }
    #expect(throws: ExpositionError.self) { try sample("a{}", "a{}{} 1\n") }
  }

  @Test("a key must be the whole of a series and nothing else")
  func wholeKey() {
    var series = TextSeries()
    let bytes = Array("a{b=\"c\"}x".utf8)
    #expect(throws: ExpositionError.self) { try series.parse(0..<9, in: bytes.span) }
    #expect(throws: ExpositionError.self) { try series.parse(0..<3, in: bytes.span) }
    #expect(throws: Never.self) { try series.parse(0..<8, in: bytes.span) }
  }

  private func parsed(_ text: String) -> [Entry]? {
    let (entries, error) = parseAll(Array(text.utf8))
    return error == nil ? entries : nil
  }

  private func reason(_ text: String) -> ExpositionError.Reason? { reason(Array(text.utf8)) }

  private func reason(_ bytes: [UInt8]) -> ExpositionError.Reason? { parseAll(bytes).error?.reason }

  /// What stands in the way of the label set of the one series of this text.
  private func refusal(labels text: String) -> ExpositionError.Reason? {
    let bytes = Array(text.utf8)
    var parser = TextParser()
    var series = TextSeries()
    do throws(ExpositionError) {
      if case .sample(let key, _, _)? = try parser.next(in: bytes.span) {
        try series.parse(key, in: bytes.span)
        _ = try series.labels(in: bytes.span, under: .unknown)
      }
    } catch {
      return error.reason
    }
    return nil
  }
}
