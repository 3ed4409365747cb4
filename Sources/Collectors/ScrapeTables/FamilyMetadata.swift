import Model
import Parsing

/// What an exposition says about its metric families, and whether that is still what the tables say.
struct FamilyMetadata: Sendable {
  private struct Line: Sendable {
    let name: Range<Int>
    let content: Content
  }

  private enum Content: Sendable {
    case type(MetricType)
    case help(Range<Int>, escaped: Bool)
    case unit(Range<Int>)
  }

  /// Scrapes between two renewals because of changed metadata, so that a target that changes a help text each time does not cost a
  /// table each time.
  static let renewalSpacing = 20

  /// A family that the tables hold, by two hashes. 32 bits are enough, as a mistake costs no more than new tables or the lack of them.
  private struct Known: Sendable {
    let name: UInt32
    let description: UInt32
  }

  /// Of the scrape that is being read; empty in between.
  private var lines: [Line] = []
  private var lineCount = 0
  private var fingerprint: UInt64 = 0
  /// Of the last scrape whose metadata the tables were checked against.
  private var knownFingerprint: UInt64?
  private var known: [Known] = []
  private var scrapesSinceRenewal = renewalSpacing

  mutating func beginScrape() {
    lines.removeAll(keepingCapacity: true)
    lines.reserveCapacity(lineCount)
    fingerprint = 0
    scrapesSinceRenewal += scrapesSinceRenewal < Self.renewalSpacing ? 1 : 0
  }

  /// The lines are looked at no more; between scrapes they would only take room.
  mutating func endScrape() {
    lineCount = lines.count
    lines = []
  }

  /// Notes a line of metadata. Cheap: nothing is decoded unless something turns out to be new.
  mutating func note(_ entry: ExpositionEntry, in bytes: Span<UInt8>) {
    switch entry {
    case .type(let name, let type):
      lines.append(Line(name: name, content: .type(type)))
      mix(KeyHash.ofProcess(name, in: bytes) ^ UInt64(type.rawValue))
    case .help(let name, let text, let escaped):
      lines.append(Line(name: name, content: .help(text, escaped: escaped)))
      mix(KeyHash.ofProcess(name.lowerBound..<text.upperBound, in: bytes))
    case .unit(let name, let text):
      lines.append(Line(name: name, content: .unit(text)))
      mix(KeyHash.ofProcess(name.lowerBound..<text.upperBound, in: bytes))
    case .sample, .comment:
      break
    }
  }

  private mutating func mix(_ value: UInt64) {
    fingerprint = (fingerprint ^ value) &* 0x9e37_79b9_7f4a_7c15
    fingerprint ^= fingerprint >> 29
  }

  /// Whether the scrape's metadata is, as a whole, what it was.
  var isUnchanged: Bool { fingerprint == knownFingerprint }

  /// The families of this scrape by name. A repeated line replaces the one before.
  func families(in bytes: Span<UInt8>) -> [String: MetricMetadata] {
    var families: [String: MetricMetadata] = [:]
    for line in lines {
      let name = Self.text(line.name, in: bytes)
      switch line.content {
      case .type(let type): families[name, default: .none].type = type
      case .help(let text, let escaped):
        families[name, default: .none].help =
          escaped ? TextParser.unescapedHelp(text, in: bytes) : Self.text(text, in: bytes)
      case .unit(let text): families[name, default: .none].unit = Self.text(text, in: bytes)
      }
    }
    return families
  }

  /// Whether a family that the tables know is described differently now, and enough scrapes have passed to act on it. Remembers the families.
  mutating func needsRenewal(_ families: [String: MetricMetadata]) -> Bool {
    var descriptions: [UInt32: UInt32] = [:]
    descriptions.reserveCapacity(families.count)
    for (name, metadata) in families {
      descriptions[hashed(name)] = hashed("\(metadata.type.rawValue) \(metadata.unit)\n\(metadata.help)")
    }
    let changed = known.contains { family in descriptions[family.name].map { $0 != family.description } ?? false }
    if changed, scrapesSinceRenewal < Self.renewalSpacing { return false }
    // Families that are not described this time stay known, within a bound.
    if known.count <= families.count * 2 + 1000 {
      for family in known where descriptions[family.name] == nil { descriptions[family.name] = family.description }
    }
    known = descriptions.map { Known(name: $0.key, description: $0.value) }
    knownFingerprint = fingerprint
    if changed { scrapesSinceRenewal = 0 }
    return changed
  }

  private func hashed(_ text: String) -> UInt32 {
    let bytes = Array(text.utf8)
    return UInt32(truncatingIfNeeded: KeyHash.ofProcess(0..<bytes.count, in: bytes.span))
  }

  /// What the families say of a sample's metric.
  static func of(_ sample: String, in families: [String: MetricMetadata]) -> MetricMetadata {
    let family = MetricFamily.of(sample: sample) { families[$0]?.type }
    return family.flatMap { families[$0] } ?? .none
  }

  private static func text(_ range: Range<Int>, in bytes: Span<UInt8>) -> String {
    bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }
}
