import Foundation
import Testing

/// The corpora of other projects' test cases, where they are at hand: in the folder that `CLYMENE_CONFORMANCE` names, else beside the
/// project.
enum ConformanceFiles {
  static let folder =
    ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/conformance").path

  static var areThere: Bool { FileManager.default.fileExists(atPath: folder) }

  struct Case: @unchecked Sendable, CustomTestStringConvertible {
    let suite: String
    let name: String
    // What JSONSerialization gives: values that are never changed after that.
    let fields: [String: Any]

    var testDescription: String { "\(suite): \(name)" }

    func text(_ key: String) -> String? { fields[key] as? String }
    func object(_ key: String) -> [String: Any] { fields[key] as? [String: Any] ?? [:] }
    func labels(_ key: String) -> [String: String] { fields[key] as? [String: String] ?? [:] }
  }

  /// All cases of the JSON files in a folder whose `suite` is one of these.
  static func cases(_ subfolder: String, suites: Set<String>) -> [Case] {
    let path = folder + "/" + subfolder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".json") }.sorted().flatMap { name -> [Case] in
      guard let data = FileManager.default.contents(atPath: path + "/" + name),
        let root = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
        let suite = root["suite"] as? String, suites.contains(suite), let cases = root["cases"] as? [[String: Any]]
      else { return [] }
      return cases.map { Case(suite: suite, name: $0["name"] as? String ?? "?", fields: $0) }
    }
  }
}
