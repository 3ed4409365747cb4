import Foundation
import Parsing
import Testing

/// Cases of other projects for the text format, with the verdict of Prometheus' parser where there is one.
@Suite("Conformance: exposition", .enabled(if: Conformance.has("01-exposition")))
struct ConformanceExpositionText {
  @Test("every case of the text format gives what Prometheus' parser gives")
  func everyCase() throws {
    let cases = try Conformance.expositionCases(in: "01-exposition").filter(\.isText)
    #expect(!cases.isEmpty)
    for one in cases { try check(one) }
  }

  @Test("every exposition seed is judged as Prometheus judges it", .enabled(if: Conformance.has("08-adversarial")))
  func everySeed() throws {
    let cases = try Conformance.expositionCases(in: "08-adversarial")
    let text = cases.filter(\.isText)
    #expect(!text.isEmpty)
    for one in text { try check(one) }
    // The bodies of other formats must do no harm either.
    for one in cases where !one.isText { _ = parseAll(one.body) }
  }

  private func check(_ one: ExpositionCase) throws {
    let (entries, error) = parseAll(one.body)
    #expect((error != nil) == one.refused, "\(one.name): \(error.map(\.description) ?? "no error")")
    guard !one.refused, error == nil else { return }
    if let expected = one.entries {
      #expect(entries.count == expected.count, "\(one.name)")
      for (ours, theirs) in zip(entries, expected) { #expect(ours == theirs, "\(one.name)") }
    }
    if let samples = one.samples { #expect(entries.count { $0.kind == "series" } == samples, "\(one.name)") }
  }
}

/// A response's Content-Type leads to the parser that Prometheus would choose.
@Suite("Conformance: content type", .enabled(if: Conformance.has("01-exposition/content-type-selection.json")))
struct ConformanceExpositionContentType {
  @Test("every case chooses the same parser, and remarks on it when Prometheus does")
  func everyCase() throws {
    let file = Conformance.folder.appendingPathComponent("01-exposition/content-type-selection.json")
    let root = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    let cases = try #require(root["cases"] as? [[String: Any]])
    #expect(!cases.isEmpty)
    for one in cases {
      let name = one["name"] as? String ?? ""
      let expect = try #require(one["expect"] as? [String: String])
      // The cases name Go's constants, which have underscores for the dots.
      let fallback = (one["fallback_scrape_protocol"] as? String ?? "").replacingOccurrences(of: "_", with: ".")
      let fallbackProtocol = ScrapeProtocol(rawValue: fallback)
      #expect(fallback.isEmpty == (fallbackProtocol == nil), "\(name)")
      let chosen = ExpositionFormat.select(
        contentType: one["response_content_type"] as? String, fallback: fallbackProtocol)
      #expect(chosen.format?.rawValue ?? "none" == expect["parser"], "\(name)")
      #expect((chosen.remark == nil) == (expect["warning_or_error"] == ""), "\(name)")
    }
  }
}

/// Whole bodies of real exporters, entry by entry as Prometheus reads them.
@Suite("Conformance: dumps of real exporters", .enabled(if: Conformance.has("01b-realworld-dumps/index.json")))
struct ConformanceExpositionDumps {
  static let folder = Conformance.folder.appendingPathComponent("01b-realworld-dumps")

  @Test("every dump gives the entries that Prometheus gives")
  func everyDump() throws {
    let index = Self.folder.appendingPathComponent("index.json")
    let root = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: index)) as? [String: Any])
    var compared = 0
    for one in try #require(root["cases"] as? [[String: Any]]) {
      let name = one["name"] as? String ?? ""
      guard let contentType = one["content_type"] as? String,
        ExpositionFormat.select(contentType: contentType, fallback: nil).format == .text,
        let file = one["file"] as? String, let verdict = one["prometheus"] as? [String: Any]
      else { continue }
      let body = try Data(contentsOf: Self.folder.appendingPathComponent(file))
      let (entries, error) = parseAll(Array(body))
      #expect((error == nil) == (verdict["parse"] as? String == "ok"), "\(name): \(error.map(\.description) ?? "")")
      guard error == nil, let entriesFile = one["entries_file"] as? String else { continue }
      let expected = try lines(of: Self.folder.appendingPathComponent(entriesFile))
      #expect(entries.count == expected.count, "\(name)")
      for (ours, theirs) in zip(entries, expected) where ours != theirs {
        Issue.record("\(name): ours \(ours), theirs \(theirs)")
        break
      }
      compared += entries.count
    }
    #expect(compared > 0)
  }

  private func lines(of file: URL) throws -> [Entry] {
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/bin/gzip")
    gzip.arguments = ["-dc", file.path]
    let pipe = Pipe()
    gzip.standardOutput = pipe
    try gzip.run()
    let text = pipe.fileHandleForReading.readDataToEndOfFile()
    gzip.waitUntilExit()
    #expect(gzip.terminationStatus == 0)
    return try text.split(separator: UInt8(ascii: "\n")).map {
      Entry(try JSONSerialization.jsonObject(with: $0) as? [String: Any] ?? [:])
    }
  }
}
