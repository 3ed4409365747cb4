/// The newest blocks, kept in memory so that a lane at the head need not read what was just written. Without gaps up to the
/// end of the log.
struct HeadWindow: Sendable {
  /// Of blocks; the tables are shared with whoever made them. In an outage it fills, and a lane that is behind reads the disk anyway.
  static let limitBytes = 2 << 20

  private var blocks: ArraySlice<StoredBlock> = []
  private var byteCount = 0

  /// The first row that is in the window; nil when it is empty.
  var start: UInt64? { blocks.first?.offsets.lowerBound }

  mutating func push(_ block: StoredBlock) {
    blocks.append(block)
    byteCount += block.byteCount
    while byteCount > HeadWindow.limitBytes { dropFirst() }
  }

  /// Lets go of blocks that lie below `offset` as a whole.
  mutating func drop(below offset: UInt64) {
    while let first = blocks.first, first.offsets.upperBound <= offset { dropFirst() }
  }

  mutating func removeAll() {
    blocks = []
    byteCount = 0
  }

  private mutating func dropFirst() {
    guard let first = blocks.popFirst() else { return }
    byteCount -= first.byteCount
  }

  /// Blocks from the one that holds row `offset` on, without those that are delivered as a whole; at least one if there is one,
  /// further ones while they fit `limitBytes`. Nil when `offset` lies before the window.
  func blocks(from offset: UInt64, notIn delivered: DeliveredRanges, limitBytes: Int) -> [StoredBlock]? {
    guard let start, start <= offset else { return nil }
    var low = blocks.startIndex
    var high = blocks.endIndex
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].offsets.upperBound > offset { high = middle } else { low = middle + 1 }
    }
    var found: [StoredBlock] = []
    var bytes = 0
    for block in blocks[low...] where !delivered.contains(block.offsets) {
      if !found.isEmpty, bytes + block.byteCount > limitBytes { break }
      found.append(block)
      bytes += block.byteCount
    }
    return found
  }
}
