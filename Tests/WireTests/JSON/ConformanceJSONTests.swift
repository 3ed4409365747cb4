import Foundation
import Testing

@testable import Wire

/// JSONTestSuite, in the folder that `CLYMENE_CONFORMANCE` names, else beside the project.
private enum JSONCases {
  struct File: Decodable {
    struct Case: Decodable {
      var name: String
      var inputB64: Data?
      var input: String?
      var expect: String

      var bytes: [UInt8]? { inputB64.map { [UInt8]($0) } ?? input.map { Array($0.utf8) } }
    }
    var cases: [Case]
  }

  static let decoder = {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }()

  static let path =
    (ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared/conformance").path) + "/08-adversarial/json-parsing.json"
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: JSONCases.path)))
struct ConformanceJSONTests {
  @Test func whatIsJSONIsPassedOverAndNothingElse() throws {
    let data = try #require(FileManager.default.contents(atPath: JSONCases.path))
    let cases = try JSONCases.decoder.decode(JSONCases.File.self, from: data).cases
    #expect(cases.count > 150)
    for one in cases {
      let array = try #require(one.bytes, "\(one.name)")
      let bytes = array.span.bytes
      let isRead: Bool
      do throws(WireError) {
        var reader = JSONReader()
        try reader.skipValue("test", in: bytes)
        try reader.end("test", in: bytes)
        isRead = true
      } catch {
        isRead = false
      }
      if one.name.hasPrefix("y_") { #expect(isRead, "\(one.name)") }
      if one.name.hasPrefix("n_") { #expect(!isRead, "\(one.name)") }
      LokiPushProbe.run(array)
    }
  }
}
