import Foundation
import Model
import Testing

@testable import Forwarders

/// Prometheus' own cases of how a client takes an answer, in the folder that `CLYMENE_CONFORMANCE` names, else beside the project. Those about labels are
/// the collector's matter, and a 429 is always tried again here.
private enum ClientCases {
  static let path =
    (ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared/conformance").path)
    + "/07-forwarders/prometheus-remote-write-client.json"

  static var all: [[String: Any]] {
    guard let data = FileManager.default.contents(atPath: path),
      let root = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { return [] }
    return root["cases"] as? [[String: Any]] ?? []
  }
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: ClientCases.path)))
struct ConformanceRemoteWriteClientTests {
  @Test func answersAreTakenAsPrometheusTakesThem() throws {
    var checked = 0
    for one in ClientCases.all {
      guard let response = one["response"] as? [String: Any], let status = response["status"] as? Int,
        let expected = one["expect"] as? [String: Any],
        (one["config"] as? [String: Any])?["retry_on_http_429"] as? Bool ?? true
      else { continue }
      let headers = (response["headers"] as? [String: String] ?? [:]).map { ($0.lowercased(), $1) }
      let (outcome, _) = RemoteWriteAnswer.answer(
        status: status, header: { name in headers.first { $0.0 == name }?.1 }, body: [], server: "db",
        now: UnixMilliseconds(0), hide: { $0 })
      checked += 1
      switch outcome {
      case .delivered: #expect(expected["success"] as? Bool == true, "\(one)")
      case .retry(_, let after):
        #expect(expected["recoverable"] as? Bool == true, "\(one)")
        #expect(after == (expected["wait_s"] as? Int).map { .seconds($0) }, "\(one)")
      default: #expect(expected["recoverable"] as? Bool == false, "\(one)")
      }
    }
    #expect(checked >= 2)
  }
}
