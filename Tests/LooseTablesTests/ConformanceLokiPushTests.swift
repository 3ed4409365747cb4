import Foundation
import Model
import Testing
import Wire

@testable import LooseTables

/// Cases of Loki's own tests, in the folder that `CLYMENE_CONFORMANCE` names, else beside the project. What its HTTP layer decides, content types and
/// encodings, is the gateway's (`ConformanceLokiRequestTests`): bodies that are refused only for those are left out here.
private enum PushCases {
  struct File: Decodable {
    struct Case: Decodable {
      struct Expect: Decodable {
        struct Stream: Decodable {
          var stream: [String: String]
          var values: [[String]]
        }
        struct Decoded: Decodable {
          struct Entry: Decodable {
            var timestamp: String
            var line: String
            var structuredMetadata: [String: String]?
          }
          var labels: String
          var entries: [Entry]
        }
        var valid: Bool
        var streams: [Stream]?
        var decodedStreams: [Decoded]?
      }
      var name: String
      var contentType: String
      var body: String?
      var bodyPlain: String?
      var expect: Expect
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
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/conformance").path)
    + "/06-promtail/loki-push-requests.json"
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: PushCases.path)))
struct ConformanceLokiPushTests {
  @Test func lokisOwnCasesAreReadAsLokiReadsThem() throws {
    let data = try #require(FileManager.default.contents(atPath: PushCases.path))
    let cases = try PushCases.decoder.decode(PushCases.File.self, from: data).cases
    var checked = 0
    for one in cases where one.contentType == "application/json" {
      let body = Array(try #require(one.bodyPlain ?? one.body, "\(one.name)").utf8)
      checked += 1
      let intake = LogsIntake(limits: PushLimits())
      guard one.expect.valid else {
        #expect(throws: PushError.self, "\(one.name)") { try intake.read(lokiJSON: body, tenant: .default) }
        continue
      }
      let told = try LogsIntakeTests.told(intake.read(lokiJSON: body, tenant: .default))
      var wanted: [String] = []
      for stream in one.expect.streams ?? [] {
        let labels = LokiLabels.text(of: Labels(stream.stream.map { Label($0.key, $0.value) }))
        for value in stream.values {
          wanted.append("\(String(decoding: labels, as: UTF8.self)) \(value[0]) \(value[1])")
        }
      }
      for stream in one.expect.decodedStreams ?? [] {
        for entry in stream.entries {
          let metadata = (entry.structuredMetadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
          let time = try #require(Self.nanoseconds(entry.timestamp), "\(one.name)")
          wanted.append(
            "\(stream.labels) \(time) \(entry.line)" + (metadata.isEmpty ? "" : " " + metadata.joined(separator: ",")))
        }
      }
      #expect(!wanted.isEmpty && told == wanted, "\(one.name)")
    }
    #expect(checked >= 6)
  }

  /// By another way than the reader's own.
  private static func nanoseconds(_ text: String) -> Int64? {
    let parts = text.dropLast().split(separator: ".")
    guard parts.count == 2, let date = ISO8601DateFormatter().date(from: "\(parts[0])Z"),
      let fraction = Int64(parts[1].padding(toLength: 9, withPad: "0", startingAt: 0))
    else { return nil }
    return Int64(date.timeIntervalSince1970) * 1_000_000_000 + fraction
  }
}
