import Foundation
import Testing

@testable import GatewayCollectors

/// Requests of Loki's own tests, with their headers and their bodies as they are, in the folder that `CLYMENE_CONFORMANCE` names, else beside the project.
private enum RequestCases {
  struct File: Decodable {
    struct Case: Decodable {
      struct Expect: Decodable { var valid: Bool }
      var name: String
      var path: String
      var contentType: String
      var contentEncoding: String
      var body: String?
      var bodyB64: String?
      var expect: Expect
    }
    var cases: [Case]
  }

  static let path =
    (ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared/conformance").path) + "/06-promtail/loki-push-requests.json"
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: RequestCases.path)))
struct ConformanceLokiRequestTests {
  @Test func lokisOwnRequestsAreTakenAndRefusedAsLokiDoes() async throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let data = try #require(FileManager.default.contents(atPath: RequestCases.path))
    let cases = try decoder.decode(RequestCases.File.self, from: data).cases
    #expect(!cases.isEmpty)
    try await TestGateway.run(.logs) { gateway in
      for one in cases {
        let body = try #require(
          one.body.map { Array($0.utf8) } ?? one.bodyB64.flatMap { Data(base64Encoded: $0) }.map { Array($0) },
          "\(one.name)")
        var headers = ["Content-Type": one.contentType]
        if !one.contentEncoding.isEmpty { headers["Content-Encoding"] = one.contentEncoding }
        let answer = try await gateway.http("POST", one.path, body, headers)
        let isRight = one.expect.valid ? answer.status == 204 : (400..<500).contains(answer.status)
        #expect(isRight, "\(one.name): \(answer.status) \(answer.text)")
      }
    }
  }
}
