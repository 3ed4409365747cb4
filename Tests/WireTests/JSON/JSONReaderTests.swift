import Testing

@testable import Wire

@Suite struct JSONReaderTests {
  private static func string(_ json: [UInt8]) throws -> [UInt8] {
    var reader = JSONReader()
    let string = try reader.string("test", in: json.span.bytes)
    try reader.end("test", in: json.span.bytes)
    return string
  }

  private static func string(_ json: String) throws -> String {
    String(decoding: try string(Array(json.utf8)), as: UTF8.self)
  }

  private static func skip(_ json: String) throws {
    let array = Array(json.utf8)
    var reader = JSONReader()
    try reader.skipValue("test", in: array.span.bytes)
    try reader.end("test", in: array.span.bytes)
  }

  @Test func escapesAreUndone() throws {
    #expect(try Self.string(#""plain""#) == "plain")
    #expect(try Self.string(#""""#) == "")
    #expect(try Self.string(#""a\"\\\/\b\f\n\r\tz""#) == "a\"\\/\u{8}\u{c}\n\r\tz")
    #expect(try Self.string(#""\u00e9\u20AC\ud83d\ude00""#) == "é€😀")
  }

  @Test("Half a surrogate pair becomes U+FFFD, and what follows it stays")
  func surrogates() throws {
    #expect(try Self.string(#""\ud83dx""#) == "\u{FFFD}x")
    #expect(try Self.string(#""\ude00""#) == "\u{FFFD}")
    #expect(try Self.string(#""\ud83d\u0041""#) == "\u{FFFD}A")
    #expect(try Self.string(#""\ud83d\ud83d\ude00""#) == "\u{FFFD}😀")
    #expect(try Self.string(#""\ud83d\n""#) == "\u{FFFD}\n")
  }

  @Test("Each byte that is not UTF-8 becomes U+FFFD")
  func brokenBytes() throws {
    let quote = UInt8(ascii: "\"")
    let replacement = Array("\u{FFFD}".utf8)
    #expect(try Self.string([quote, 0xFF, 0x41, quote]) == replacement + [0x41])
    // The beginning of a character of four bytes.
    #expect(try Self.string([quote, 0xF0, 0x9F, 0x98, quote]) == replacement + replacement + replacement)
    #expect(try Self.string([quote, 0xC0, 0x80, quote]) == replacement + replacement)
    #expect(try Self.string([quote, 0xED, 0xA0, 0x80, quote]) == replacement + replacement + replacement)
    #expect(try Self.string([quote] + Array("é€😀".utf8) + [quote]) == Array("é€😀".utf8))
  }

  @Test(arguments: [
    "", "\"", "\"\\", "\"\\u12\"", "\"\\x\"", "\"a\nb\"", "[", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
    "{a:1}", "01", "1.", "1e", "-", "+1", "tru", "nul", "[1 2]", "1 2", "[1}", "{\"a\":1]", "'a'", "NaN",
  ])
  func whatIsNotJSONIsRefused(json: String) {
    #expect(throws: WireError.self) { try Self.skip(json) }
  }

  @Test(arguments: [
    " 1 ", "-0", "0.5e-7", "[]", "{}", "[ 1 , [ { \"a\" : [ null , true , false ] } ] ]", "\"\\u0000\"",
  ])
  func whatIsJSONIsPassedOver(json: String) throws { try Self.skip(json) }

  @Test func depthIsBounded() throws {
    try Self.skip(String(repeating: "[", count: 256) + String(repeating: "]", count: 256))
    #expect {
      try Self.skip(String(repeating: "[", count: 257) + String(repeating: "]", count: 257))
    } throws: { ($0 as? WireError)?.kind == .tooLarge }
    #expect(throws: WireError.self) { try Self.skip(String(repeating: "{\"a\":", count: 1_000_000)) }
  }
}
