import Codec
import Model
import WAL

/// A cursor of the log as a lane sees it.
struct CursorSource: BlockSource {
  let cursor: Cursor

  func next(limitBytes: Int) async throws -> [QueuedBlock] {
    try await cursor.next(limitBytes: limitBytes, after: nil).map { QueuedBlock(offsets: $0.offsets, block: $0.tabled) }
  }

  func acknowledge(_ offsets: Range<UInt64>, generation: UInt64) {
    // In order and one after another, so that the limit of holes is never met.
    cursor.acknowledge(offsets, generation: generation)
  }

  var generation: UInt64 { cursor.generation }
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
