import Foundation
import Testing

/// Every configuration that the documentation shows as a whole, and every example, is one that the program takes.
@Suite("Configurations that are shown")
struct DocumentedConfigurationTests {
  private static let sections = ["global:", "scrape_configs:", "gateway:", "wal:", "forwarders:"]

  @Test("are good where they stand in a text", arguments: [("README.md", 3), ("docs/configuration.md", 3)])
  func inTexts(file: String, count: Int) throws {
    let text = try String(contentsOf: Places.repository.appending(path: file), encoding: .utf8)
    let shown = Self.configurations(in: text)
    #expect(shown.count == count)
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    for (line, configuration) in shown {
      let copy = folder.appending(path: "shown.yml")
      try Data(configuration.utf8).write(to: copy)
      let answer = try CommandTests.run(["check-config", copy.path])
      #expect(answer.code == 0, "\(file), the block from line \(line) on: \(answer.errors)")
    }
  }

  @Test func areGoodAsExamples() throws {
    let folder = Places.repository.appending(path: "examples")
    let examples = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "yml" }
    #expect(examples.count >= 3)
    for example in examples {
      let answer = try CommandTests.run(["check-config", example.path])
      #expect(answer.code == 0, "\(example.lastPathComponent): \(answer.errors)")
    }
  }

  /// The indented blocks in which a section of the configuration begins a line, with the number of their first line. Commands behind one are not part of it.
  private static func configurations(in text: String) -> [(line: Int, text: String)] {
    var blocks: [(line: Int, lines: [Substring])] = []
    var isInside = false
    for (at, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("    "), !line.hasPrefix("    clymene ") {
        if !isInside { blocks.append((at + 1, [])) }
        isInside = true
        blocks[blocks.count - 1].lines.append(line.dropFirst(4))
      } else if !line.isEmpty {
        isInside = false
      }
    }
    return blocks.filter { block in block.lines.contains { line in sections.contains { line.hasPrefix($0) } } }
      .map { ($0.line, $0.lines.joined(separator: "\n") + "\n") }
  }
}
