import Foundation
import Model
import Parsing
import Testing

/// The folder of other projects' cases: `CLYMENE_CONFORMANCE`, else `../shared/conformance` beside the package.
enum Conformance {
  static let folder: URL = {
    if let named = ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"] { return URL(fileURLWithPath: named) }
    return packageRoot.deletingLastPathComponent().appendingPathComponent("shared/conformance")
  }()

  static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
  }

  /// Every `*.json` of a folder that holds cases of exposition bodies, decoded; those of other shapes are left out.
  static func expositionCases(in name: String) throws -> [ExpositionCase] {
    let directory = folder.appendingPathComponent(name)
    let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
    var cases: [ExpositionCase] = []
    for file in files {
      let root = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
      let suite = root["suite"] as? String ?? file.lastPathComponent
      for object in root["cases"] as? [[String: Any]] ?? [] {
        if let found = ExpositionCase(object, suite: suite) { cases.append(found) }
      }
    }
    return cases
  }
}

/// One body and what Prometheus' parser makes of it.
struct ExpositionCase: CustomTestStringConvertible, Sendable {
  let name: String
  let contentType: String
  let body: [UInt8]
  let refused: Bool
  /// Nil when the case tells only the verdict.
  let entries: [Entry]?
  /// Nil when the case does not tell it.
  let samples: Int?

  var testDescription: String { name }

  /// Nil when the case has no exposition body or no verdict of Prometheus.
  init?(_ object: [String: Any], suite: String) {
    guard let name = object["name"] as? String, let contentType = object["content_type"] as? String else { return nil }
    if let text = object["input"] as? String {
      body = Array(text.utf8)
    } else if let encoded = object["input_b64"] as? String, let data = Data(base64Encoded: encoded) {
      body = Array(data)
    } else {
      return nil
    }
    // Where Prometheus' own verdict stands beside the suite's, it decides.
    guard let verdict = object["prometheus"] as? [String: Any] ?? object["expect"] as? [String: Any],
      let parse = verdict["parse"] as? String
    else { return nil }
    self.name = "\(suite)/\(name)"
    self.contentType = contentType
    refused = parse != "ok"
    entries = (verdict["entries"] as? [[String: Any]])?.map(Entry.init)
    samples = verdict["series"] as? Int
  }

  var isText: Bool { ExpositionFormat.select(contentType: contentType, fallback: nil).format == .text }
}

/// An entry as the cases write it.
struct Entry: Equatable, CustomStringConvertible {
  var kind = ""
  var metric = ""
  var text = ""
  var labels: [String: String] = [:]
  var series = ""
  /// Bits, so that NaN is equal to itself.
  var value: UInt64 = 0
  var timestamp: Int64?

  var description: String {
    "\(kind) \(metric) \(text) \(labels.sorted { $0.key < $1.key }) \(series) "
      + "\(Double(bitPattern: value)) \(timestamp.map { "\($0)" } ?? "-")"
  }

  init() {}

  init(_ object: [String: Any]) {
    kind = object["kind"] as? String ?? ""
    metric = object["metric"] as? String ?? ""
    text = object["help"] as? String ?? object["type"] as? String ?? object["comment"] as? String ?? ""
    labels = object["labels"] as? [String: String] ?? [:]
    series = object["series"] as? String ?? ""
    if let written = object["value"] as? String {
      value = (written == "NaN" ? TextParser.canonicalNaN : Double(written) ?? .infinity).bitPattern
    }
    timestamp = (object["timestamp_ms"] as? NSNumber)?.int64Value
    // Blanks before a series belong to the line for us, to the series for Prometheus.
    series = String(series.drop { $0 == " " || $0 == "\t" })
  }
}

/// What our parser makes of a body, in the same terms, until its end or its first error.
func parseAll(_ body: [UInt8]) -> (entries: [Entry], error: ExpositionError?) {
  let bytes = body.span
  func text(_ range: Range<Int>) -> String { String(decoding: body[range], as: UTF8.self) }
  var parser = TextParser()
  var syntax = TextSeries()
  var entries: [Entry] = []
  do throws(ExpositionError) {
    while let next = try parser.next(in: bytes) {
      var entry = Entry()
      switch next {
      case .sample(let series, let value, let timestamp):
        try syntax.parse(series, in: bytes)
        entry.kind = "series"
        entry.series = text(series)
        entry.value = value.bitPattern
        entry.timestamp = timestamp?.rawValue
        for pair in syntax.pairs(in: bytes, under: parser.lastType) { entry.labels[pair.name] = pair.value }
      case .type(let name, let type):
        entry.kind = "type"
        entry.metric = text(name)
        entry.text = "\(type)"
      case .help(let name, let help, let escaped):
        entry.kind = "help"
        entry.metric = text(name)
        entry.text = escaped ? TextParser.unescapedHelp(help, in: bytes) : text(help)
      case .unit(let name, let unit):
        entry.kind = "unit"
        entry.metric = text(name)
        entry.text = text(unit)
      case .comment(let range):
        entry.kind = "comment"
        entry.text = text(range)
      }
      entries.append(entry)
    }
  } catch {
    return (entries, error)
  }
  return (entries, nil)
}
