import Codec

/// What is kept durably of one consumer: its cursor.
///
///     bytes   field
///     1       version, 2
///     8       generation: grows with each reset
///     8       base: everything below is delivered
///     8       created, by the wall clock, ms since 1970
///     8       for how long nobody has held it, ms of the log's own time
///     8       rows dropped before it had them
///     8       rows missing (lost to damage)
///     8       sent bound: rows from the base up to it may have been sent without an answer; 0: none
///     2       delivered ranges above the base, at most 32
///     16 × n  start and end, end excluded
///
/// Version 1 has no sent bound; it is read as 0.
struct ConsumerRecord: Sendable, Equatable {
  var delivered: DeliveredRanges
  var generation: UInt64 = 1
  var createdWall: Int64
  var unheldMilliseconds: Int64 = 0
  var droppedRows: UInt64 = 0
  var missingRows: UInt64 = 0
  var sentBound: UInt64 = 0

  init(base: UInt64, createdWall: Int64) {
    delivered = DeliveredRanges(base: base)
    self.createdWall = createdWall
  }

  func encoded() -> [UInt8] {
    var out = ByteWriter()
    out.byte(2)
    out.fixed(generation)
    out.fixed(delivered.base)
    out.fixed(createdWall)
    out.fixed(unheldMilliseconds)
    out.fixed(droppedRows)
    out.fixed(missingRows)
    out.fixed(sentBound)
    out.fixed(UInt16(delivered.above.ranges.count))
    for range in delivered.above.ranges {
      out.fixed(range.lowerBound)
      out.fixed(range.upperBound)
    }
    return out.bytes
  }

  init(decoding array: [UInt8]) throws(FormatError) {
    let bytes = array.span.bytes
    var reader = ByteReader(end: array.count)
    let version = try reader.byte("cursor", in: bytes)
    guard (1...2).contains(version) else { throw FormatError(.unknownFormat, "cursor: version \(version)") }
    generation = try reader.fixed(UInt64.self, "cursor", in: bytes)
    let base = try reader.fixed(UInt64.self, "cursor", in: bytes)
    createdWall = try reader.fixed(Int64.self, "cursor", in: bytes)
    unheldMilliseconds = max(0, try reader.fixed(Int64.self, "cursor", in: bytes))
    droppedRows = try reader.fixed(UInt64.self, "cursor", in: bytes)
    missingRows = try reader.fixed(UInt64.self, "cursor", in: bytes)
    if version >= 2 { sentBound = try reader.fixed(UInt64.self, "cursor", in: bytes) }
    let count = Int(try reader.fixed(UInt16.self, "cursor", in: bytes))
    guard count <= DeliveredRanges.limitHoles, base <= SegmentName.limitOffset, sentBound <= SegmentName.limitOffset
    else {
      throw FormatError(.tooLarge, "cursor: \(count) ranges above \(base), sent up to \(sentBound)")
    }
    var above = RangeSet()
    for _ in 0..<count {
      let start = try reader.fixed(UInt64.self, "cursor", in: bytes)
      let end = try reader.fixed(UInt64.self, "cursor", in: bytes)
      guard start < end, end <= SegmentName.limitOffset else {
        throw FormatError(.inconsistent, "cursor: from \(start) to \(end)")
      }
      above.insert(start..<end)
    }
    try reader.finish("cursor")
    delivered = DeliveredRanges(base: base, above: above)
  }
}
