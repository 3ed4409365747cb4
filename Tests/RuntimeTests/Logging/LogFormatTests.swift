import Foundation
import Model
import Testing

@testable import Runtime

@Suite("Log lines")
struct LogFormatTests {
  @Test func areOneJSONObjectEachWhateverTheTextHolds() throws {
    let line = LogFormat.jsonLine(
      time: UnixMilliseconds(1_795_426_200_250), level: .warning, label: "clymene", message: "a\n\"b\"\u{1}\\é",
      metadata: [("forwarder", "x\ty")])
    #expect(!line.contains("\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
    #expect(object["msg"] == "a\n\"b\"\u{1}\\é" && object["level"] == "warning" && object["forwarder"] == "x\ty")
    #expect(object["ts"] == "2026-11-23T09:30:00.250Z")
  }

  @Test func doNotPretendToBeTwoWhenTheTextHasALineBreak() {
    let line = LogFormat.textLine(
      time: UnixMilliseconds(1_795_426_200_250), level: .info, label: "clymene", message: "first\nsecond",
      metadata: [("a", "b c"), ("d", "e")])
    #expect(line == "09:30:00.250 info     first\n    second a=\"b c\" d=e")
  }

  @Test func doNotSteerATerminal() {
    let line = LogFormat.textLine(
      time: UnixMilliseconds(0), level: .info, label: "clymene", message: "a\r\nb\u{1b}[2J", metadata: [])
    #expect(line.hasSuffix("a\\u{d}\n    b\\u{1b}[2J"))
  }
}
