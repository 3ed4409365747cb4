import Codec
import Model

/// The rows of one origin that this log holds or has held, so that a repeat is known for one.
///
///     bytes   field
///     1       version, 1
///     8       last heard of, in the log's own time, ms
///     2       ranges, at most 64
///     16 × n  first and last sequence
struct ReceivedOrigin: Sendable, Equatable {
  /// With one more the range of the smallest sequences is forgotten.
  static let limitRanges = 64

  /// Sequences, half-open.
  var sequences = RangeSet()
  var lastHeard: Int64

  func encoded() -> [UInt8] {
    var out = ByteWriter(reserving: 11 + sequences.ranges.count * 16)
    out.byte(1)
    out.fixed(lastHeard)
    out.fixed(UInt16(sequences.ranges.count))
    for range in sequences.ranges {
      out.fixed(range.lowerBound)
      out.fixed(range.upperBound - 1)
    }
    return out.bytes
  }

  init(sequences: RangeSet = RangeSet(), lastHeard: Int64) {
    self.sequences = sequences
    self.lastHeard = lastHeard
  }

  init(decoding array: [UInt8]) throws(FormatError) {
    let bytes = array.span.bytes
    var reader = ByteReader(end: array.count)
    let version = try reader.byte("received", in: bytes)
    guard version == 1 else { throw FormatError(.unknownFormat, "received: version \(version)") }
    lastHeard = try reader.fixed(Int64.self, "received", in: bytes)
    let count = Int(try reader.fixed(UInt16.self, "received", in: bytes))
    guard count <= ReceivedOrigin.limitRanges else {
      throw FormatError(.tooLarge, "received: \(count) ranges, at most \(ReceivedOrigin.limitRanges)")
    }
    for _ in 0..<count {
      let first = try reader.fixed(UInt64.self, "received", in: bytes)
      let last = try reader.fixed(UInt64.self, "received", in: bytes)
      guard first <= last, last < .max else { throw FormatError(.inconsistent, "received: \(first) to \(last)") }
      sequences.insert(first..<(last + 1))
    }
    try reader.finish("received")
  }

  /// What a block with these rows means to a log that knows this origin.
  enum Verdict: Equatable {
    case new
    case known
    /// These rows of it are held already.
    case partlyKnown([ClosedRange<UInt64>])
  }

  func judge(_ rows: ClosedRange<UInt64>) -> Verdict {
    let range = rows.lowerBound..<(rows.upperBound + 1)
    if sequences.contains(range) { return .known }
    let held = sequences.intersection(range)
    return held.isEmpty ? .new : .partlyKnown(held.map { $0.lowerBound...($0.upperBound - 1) })
  }

  /// Says how many ranges had to be forgotten: none or one.
  @discardableResult
  mutating func note(_ rows: ClosedRange<UInt64>, at time: Int64) -> Int {
    let range = rows.lowerBound..<(rows.upperBound + 1)
    sequences.insert(range)
    lastHeard = time
    // The oldest rows are the last that anybody sends again: better one of them twice than a sender that waits for ever for holes to be filled that
    // nobody can fill, such as those of dead letters. What was noted just now is not among them.
    guard sequences.ranges.count > ReceivedOrigin.limitRanges,
      let oldest = sequences.ranges.first(where: { !$0.overlaps(range) })
    else { return 0 }
    sequences.remove(oldest)
    return 1
  }

  /// What either knows, the newest ranges of it.
  mutating func formUnion(_ other: ReceivedOrigin) {
    lastHeard = max(lastHeard, other.lastHeard)
    if sequences == other.sequences { return }
    for range in other.sequences.ranges { sequences.insert(range) }
    while sequences.ranges.count > ReceivedOrigin.limitRanges, let oldest = sequences.ranges.first {
      sequences.remove(oldest)
    }
  }
}

extension Origin {
  /// The 16 bytes in order, as an LMDB key.
  var keyBytes: [UInt8] {
    var out = ByteWriter(reserving: 16)
    out.fixed(low)
    out.fixed(high)
    return out.bytes
  }

  init?(keyBytes: [UInt8]) {
    var reader = ByteReader(end: keyBytes.count)
    guard keyBytes.count == 16, let low = try? reader.fixed(UInt64.self, "origin", in: keyBytes.span.bytes),
      let high = try? reader.fixed(UInt64.self, "origin", in: keyBytes.span.bytes)
    else { return nil }
    self.init(low: low, high: high)
  }
}

extension TableName {
  init?(keyBytes: [UInt8]) {
    guard let origin = Origin(keyBytes: keyBytes) else { return nil }
    self.init(low: origin.low, high: origin.high)
  }
}
