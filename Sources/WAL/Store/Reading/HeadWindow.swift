import Codec

/// The newest blocks, kept in memory so that a lane at the head need not read what was just written. Without gaps up to the
/// end of the log.
struct HeadWindow: Sendable {
  /// Of blocks. In an outage it fills, and a lane that is behind reads the disk anyway.
  static let limitBytes = 2 << 20
  /// Of their tables, each once. Those of targets are shared with the collector; a gateway's senders may send small blocks with ever new ones.
  static let limitTableBytes = 16 << 20

  private var blocks: ArraySlice<StoredBlock> = []
  private var byteCount = 0
  /// How many blocks name each table.
  private var tableUses: [TableName: Int] = [:]
  private(set) var keptTableBytes = 0

  /// The first row that is in the window; nil when it is empty.
  var start: UInt64? { blocks.first?.offsets.lowerBound }

  mutating func push(_ block: StoredBlock) {
    blocks.append(block)
    byteCount += block.byteCount
    for table in block.tables {
      if tableUses[table.name] == nil { keptTableBytes += table.bytes.count }
      tableUses[table.name, default: 0] += 1
    }
    while byteCount > HeadWindow.limitBytes || keptTableBytes > HeadWindow.limitTableBytes { dropFirst() }
  }

  /// Lets go of blocks that lie below `offset` as a whole.
  mutating func drop(below offset: UInt64) {
    while let first = blocks.first, first.offsets.upperBound <= offset { dropFirst() }
  }

  mutating func removeAll() {
    blocks = []
    byteCount = 0
    tableUses = [:]
    keptTableBytes = 0
  }

  private mutating func dropFirst() {
    guard let first = blocks.popFirst() else { return }
    byteCount -= first.byteCount
    for table in first.tables {
      let uses = (tableUses[table.name] ?? 0) - 1
      tableUses[table.name] = uses > 0 ? uses : nil
      if uses <= 0 { keptTableBytes -= table.bytes.count }
    }
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
