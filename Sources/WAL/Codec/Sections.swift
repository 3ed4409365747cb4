/// A group's body is a list of sections: varint id, varint length, bytes. Each occurs at most once, ids ascend. An even id
/// has to be understood; a section with an odd id may be skipped by a reader that does not know it.
enum Section {
  /// Varint tables (1-4), each varint index into the header's list and varint series; source, 8 bytes; then the rows'
  /// sequences as runs: varint runs, each varint gap to the sequence before (the first: to the header's first) and varint length - 1.
  static let head: UInt64 = 2
  /// Matrix: a time a row. Loose and logs: a time a sample. Zigzag varints: the first less the header's smallest time, then
  /// differences (matrix: from the third on differences of differences).
  static let times: UInt64 = 4
  /// The streams of `ValueStreams`.
  static let forms: UInt64 = 6
  static let presence: UInt64 = 8
  static let specials: UInt64 = 10
  static let firsts: UInt64 = 12
  static let deltas: UInt64 = 14
  static let raws: UInt64 = 16
  /// Matrix: samples that came with a time of their own; see `OwnTimestampSection`.
  static let ownTimestamps: UInt64 = 18
  /// Loose: varint samples of each row.
  static let rowLengths: UInt64 = 20
  /// Loose and logs: varint series (stream) of each sample (entry).
  static let references: UInt64 = 22
  /// Logs: varint length of each line.
  static let lineLengths: UInt64 = 24
  /// Logs: all lines, one after the other.
  static let lines: UInt64 = 26
  /// Logs: structured metadata; see `MetadataSection`.
  static let metadata: UInt64 = 28
  /// Native histograms; see `HistogramSection`.
  static let histograms: UInt64 = 30
  /// Exemplars; see `ExemplarSection`. Nobody loses a sample by skipping them.
  static let exemplars: UInt64 = 31
  /// Created timestamps: varint count; then varint row, varint series, zigzag milliseconds less the header's smallest time.
  static let created: UInt64 = 33

  static let known: Set<UInt64> = [
    head, times, forms, presence, specials, firsts, deltas, raws, ownTimestamps, rowLengths, references, lineLengths,
    lines, metadata, histograms, exemplars, created,
  ]

  static func mustBeUnderstood(_ id: UInt64) -> Bool { id & 1 == 0 }
}

extension ByteWriter {
  /// Writes a section unless it is empty.
  mutating func section(_ id: UInt64, _ content: ByteWriter) {
    guard content.count > 0 else { return }
    varint(id)
    varint(content.count)
    raw(content.bytes)
  }
}

/// Where the sections of one group stand in the payload.
struct SectionMap {
  private var ranges: [UInt64: Range<Int>] = [:]
  let start: Int
  /// There were sections that this version does not know and may skip.
  private(set) var hasUnknown = false

  /// Reads the list of sections; their content stays where it is.
  init(reading body: ByteReader, in payload: RawSpan) throws(FormatError) {
    var body = body
    start = body.offset
    var last: UInt64 = 0
    while !body.isAtEnd {
      let at = body.offset
      let id = try body.varint("section id", in: payload)
      guard id > last else { throw FormatError(.inconsistent, "section \(id) after section \(last)", at: at) }
      last = id
      guard Section.known.contains(id) || !Section.mustBeUnderstood(id) else {
        throw FormatError(
          .unknownRequiredSection, "section \(id) must be understood, and this version does not know it", at: at)
      }
      let length = try body.count("section \(id): length", limit: body.remaining, in: payload)
      let range = try body.take(length, "section \(id)", in: payload)
      if Section.known.contains(id) { ranges[id] = range } else { hasUnknown = true }
    }
  }

  /// The section's range; empty when it is not there.
  func range(_ id: UInt64) -> Range<Int> { ranges[id] ?? start..<start }

  func reader(_ id: UInt64) -> ByteReader {
    let range = range(id)
    return ByteReader(offset: range.lowerBound, end: range.upperBound)
  }

  /// Complains about sections that a group of this kind does not have.
  func allow(only allowed: Set<UInt64>, _ what: String) throws(FormatError) {
    for id in ranges.keys where !allowed.contains(id) {
      throw FormatError(.inconsistent, "\(what): section \(id) does not belong here", at: start)
    }
  }
}
