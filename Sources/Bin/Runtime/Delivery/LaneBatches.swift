import Codec
import Model

/// Cuts what was read into batches: what is sent, retried and acknowledged together.
enum LaneBatches {
  /// Blocks in order become batches in order: one tenant and signal each, at most `limitEntries` samples or entries, and of log entries at most
  /// `limitLogBytes` raw (or one block). A block that may have been sent in an earlier life is a batch by itself, so that what the destination says
  /// of it is not said of others.
  static func cut(
    _ blocks: [QueuedBlock], limitEntries: Int, limitLogBytes: Int, sentBefore: UInt64
  ) -> [[QueuedBlock]] {
    var batches: [[QueuedBlock]] = []
    var entries = 0
    var logBytes = 0
    for block in blocks {
      let header = block.block.block.header
      let isAlone = block.offsets.lowerBound < sentBefore
      if !isAlone, let last = batches.last?.last, last.offsets.lowerBound >= sentBefore {
        let before = last.block.block.header
        if before.tenant == header.tenant, before.signal == header.signal, entries + header.entryCount <= limitEntries,
          logBytes + header.logBytes <= limitLogBytes
        {
          batches[batches.count - 1].append(block)
          entries += header.entryCount
          logBytes += header.logBytes
          continue
        }
      }
      batches.append([block])
      entries = header.entryCount
      logBytes = header.logBytes
    }
    return batches
  }
}

extension BlockHeader {
  /// Raw bytes of a block of log entries; 0 of metrics, whose number of samples says how large a request becomes.
  var logBytes: Int { signal == .logs ? payloadBytes : 0 }
}

/// Joins blocks of one origin that follow each other. Kept by a lane, since it learns how much the blocks shrink, and so how many fit into one.
final class LaneMerger {
  private var sealer: BlockSealer?

  /// As few blocks as the limits allow, with their tables; the blocks as they are when one of them cannot be read. A single block costs nothing.
  func merged(_ blocks: [TabledBlock]) -> [TabledBlock] {
    guard blocks.count > 1 else {
      // The lane is up with the log: zstd's context is a few megabytes that nobody may need for days.
      sealer = nil
      return blocks
    }
    var tables: [TableName: SeriesTable] = [:]
    for block in blocks { for table in block.tables { tables[table.name] = table } }
    if sealer == nil { sealer = try? BlockSealer() }
    guard let joined = try? sealer?.merge(blocks.map(\.block)) else { return blocks }
    return joined.map { block in
      TabledBlock(block: block, tables: block.header.tables.compactMap { tables[$0] })
    }
  }
}

/// How many samples or entries a batch may hold at present: fewer after a request was too large, or where a second's allowance of bytes holds
/// fewer; more again after a while. A value.
struct BatchSize: Sendable {
  private let most: Int
  private let bytesPerSecond: Int?
  private var limit: Int
  private var successes = 0
  /// Of requests, for each entry; a first guess until some were sent.
  private(set) var bytesPerEntry = 8.0

  private static let successesToGrow = 32
  private static let least = 256

  init(limits: LaneLimits, areMerged: Bool = false) {
    most = areMerged ? limits.mergedBatchEntries : limits.batchEntries
    bytesPerSecond = limits.maxBytesPerSecond
    limit = most
  }

  var entries: Int {
    guard let bytesPerSecond else { return limit }
    return min(limit, max(Self.least, Int(Double(bytesPerSecond) / max(bytesPerEntry, 0.1))))
  }

  mutating func tooLarge(entries: Int) {
    limit = max(1, min(limit, entries / 2))
    successes = 0
  }

  mutating func delivered(entries: Int, sentBytes: Int) {
    if entries > 0, sentBytes > 0 {
      bytesPerEntry += (Double(sentBytes) / Double(entries) - bytesPerEntry) / 8
    }
    guard limit < most else { return }
    successes += 1
    guard successes >= Self.successesToGrow else { return }
    successes = 0
    limit = min(most, limit * 2)
  }
}
