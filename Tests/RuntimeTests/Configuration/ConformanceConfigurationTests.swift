import Foundation
import Testing

@testable import Runtime

/// Prometheus' own configuration files. A file that uses keys which this version does not read is out of scope, which the reader
/// says itself; each other file must get the verdict that Prometheus gives it.
@Suite("Conformance: configuration files")
struct ConformanceConfigurationTests {
  private struct Cases: Decodable {
    struct Case: Decodable {
      struct Expectation: Decodable {
        var valid: Bool?
      }
      var name: String
      var file: String
      var expect: Expectation
    }
    var cases: [Case]
  }

  static let folder: URL = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"].map { URL(fileURLWithPath: $0) }
    return (named ?? root.appending(path: "../shared/conformance")).appending(path: "03-scrape-config")
  }()

  static var isThere: Bool { FileManager.default.fileExists(atPath: folder.path) }

  @Test("get the verdict that Prometheus gives them", .enabled(if: isThere, "the corpus is not there"))
  func verdicts() throws {
    let list = try JSONDecoder().decode(
      Cases.self, from: Data(contentsOf: Self.folder.appending(path: "config-files.json")))
    var compared = 0
    var outOfScope = 0
    for item in list.cases {
      guard let valid = item.expect.valid else { continue }
      let found: [ConfigurationProblem]
      do {
        _ = try Configuration.load(file: Self.folder.appending(path: item.file).path, environment: [:])
        found = []
      } catch {
        found = error.problems
      }
      if found.contains(where: { $0.kind == .notSupportedYet }) {
        outOfScope += 1
      } else {
        compared += 1
        #expect(found.isEmpty == valid, "\(item.name): \(found)")
      }
    }
    print("conformance, configuration files: \(compared) compared, \(outOfScope) use keys that are not supported yet")
    #expect(compared + outOfScope > 0)
  }
}
