import Codec
import Model
import WAL

/// The log as collectors see it.
struct LogSink: Sink {
  let log: WriteAheadLog

  func append(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance {
    Acceptance(try await log.append(batch, positions: positions))
  }

  func enqueue(_ batch: RowBatch, positions: [CollectorPosition]) async throws -> Acceptance {
    Acceptance(try await log.enqueue(batch, positions: positions))
  }
}

extension Acceptance {
  init(_ outcome: AppendOutcome) {
    switch outcome {
    case .full: self = .full
    case .accepted, .durable: self = .accepted
    }
  }
}

/// A cursor of the log as a lane sees it.
struct CursorSource: BlockSource {
  let cursor: Cursor

  func next(limitBytes: Int) async throws -> [QueuedBlock] {
    try await cursor.next(limitBytes: limitBytes, after: nil).map { QueuedBlock(offsets: $0.offsets, block: $0.tabled) }
  }

  func acknowledge(_ offsets: Range<UInt64>) throws { try cursor.acknowledge(offsets) }

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
