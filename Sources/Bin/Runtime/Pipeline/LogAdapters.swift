import Codec
import Model
import WAL

/// A cursor of the log as a lane sees it.
struct CursorSource: BlockSource {
  let cursor: Cursor

  func next(limitBytes: Int, after: UInt64?) async throws -> [QueuedBlock] {
    try await cursor.next(limitBytes: limitBytes, after: after).map {
      QueuedBlock(offsets: $0.offsets, block: $0.tabled)
    }
  }

  func isDrained(after: UInt64?) -> Bool { cursor.isDrained(after: after) }

  func acknowledge(_ offsets: Range<UInt64>, generation: UInt64) {
    // A lane has at most 32 batches in hand, so that the limit of holes is never met.
    cursor.acknowledge(offsets, generation: generation)
  }

  var generation: UInt64 { cursor.generation }

  var sentBefore: UInt64 { cursor.sentBefore }

  func markSent(upTo offset: UInt64) async throws { try await cursor.markSent(upTo: offset) }

  func settleSent() { cursor.settleSent() }
}

extension LogConfiguration {
  init(_ settings: LogSettings) {
    self.init(
      directory: settings.directory, maxSizeBytes: settings.maxSize.bytes, maxAge: settings.maxAge,
      whenFull: settings.whenFull == .reject ? .reject : .dropOldest, commitInterval: settings.commitInterval,
      keepDelivered: settings.keepDelivered, orphanHold: settings.orphanHold, dedupeWindow: settings.dedupeWindow)
  }
}

extension CursorStart {
  init(_ start: ForwarderSettings.Start) {
    switch start {
    case .oldest: self = .oldest
    case .newest: self = .newest
    case .time(let time): self = .time(time)
    }
  }
}
