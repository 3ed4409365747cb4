import Codec
import Model

// Where a cursor starts that asks for a time.
extension LogCore {
  func offset(of start: CursorStart) async throws(LogError) -> UInt64 {
    guard case .time = start else { return try offsetBlocking(of: start) }
    return try await SerialThread("wal-seek").run { () throws(LogError) in try self.offsetBlocking(of: start) }
  }

  /// Blocks for as long as reading takes when a time is asked for.
  func offsetBlocking(of start: CursorStart) throws(LogError) -> UInt64 {
    switch start {
    case .oldest: state.withLock { $0.oldest }
    case .newest: state.withLock { $0.end }
    case .time(let time): try seek(time)
    }
  }

  /// The offset of the first block that has something at or after `time`; the end when there is none. Blocks lie in the order in which
  /// they came, which need not be that of their times: later blocks may hold older rows.
  private func seek(_ time: UnixMilliseconds) throws(LogError) -> UInt64 {
    let (segments, active, end) = state.withLock { ($0.segments, $0.active, $0.end) }
    for (index, info) in segments.enumerated() {
      let isActive = index == segments.count - 1
      // Guessed totals know no times: such a segment has to be looked into.
      if !info.isEstimated, (info.totals.timesMilliseconds?.upperBound ?? .min) < time.rawValue { continue }
      let segment: Segment?
      if isActive {
        segment = active
      } else {
        // A damaged one is mended when a lane gets there; starting at its first row loses nothing.
        guard try SegmentCheck.damage(path: path(info.first), sums: sumsPath(info.first)) == nil else {
          return info.first
        }
        segment = try Segment.open(path: path(info.first), first: info.first, mode: .readingSealed)
      }
      guard let segment else { return info.first }
      if let found = try segment.firstBlock(atOrAfter: time) { return found }
    }
    return end
  }
}

extension Segment {
  /// The key of the first block with something at or after `time`; nil when there is none. A block whose header is damaged counts.
  func firstBlock(atOrAfter time: UnixMilliseconds) throws(LogError) -> UInt64? {
    var found: UInt64?
    try environment.read { (transaction) throws(LogError) in
      try transaction.forEach(blocks, fromFloorOf: 0) { (key, value) throws(LogError) -> Bool in
        guard let header = try? StoredRecord.header(of: value, at: key) else {
          found = key
          return false
        }
        let newest =
          header.signal == .logs ? header.times.upperBound / 1_000_000 : header.times.upperBound
        if newest >= time.rawValue { found = key }
        return found == nil
      }
    }
    return found
  }
}
