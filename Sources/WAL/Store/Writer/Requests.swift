import Codec
import Model

/// What became of an append.
public enum AppendOutcome: Sendable, Equatable {
  /// In memory; on the disk within the commit interval.
  case accepted
  /// On the disk, at these places.
  case durable(offsets: Range<UInt64>)
  /// There is no room, and the policy (or the disk) allows none to be made. Nothing was stored. Trying again later helps.
  case full
}

/// The answer that someone waits for; given exactly once.
struct Reply<Value: Sendable>: Sendable {
  let continuation: CheckedContinuation<Result<Value, LogError>, Never>

  func give(_ value: Value) { continuation.resume(returning: .success(value)) }
  func fail(_ error: LogError) { continuation.resume(returning: .failure(error)) }
}

/// Rows on their way to the writer.
struct PendingAppend: Sendable {
  /// No other append has it.
  let id: UInt64
  let batch: RowBatch
  let positions: [CollectorPosition]
  let bytes: Int
  /// Nil when nobody waits for the commit.
  let reply: Reply<AppendOutcome>?
}

/// Blocks of other logs on their way to the writer.
struct PendingReceive: Sendable {
  let blocks: [SealedBlock]
  let tables: [SeriesTable]
  let positions: [CollectorPosition]
  let bytes: Int
  let reply: Reply<[ReceivedOutcome]>
}

enum Command: Sendable {
  case append(PendingAppend)
  case receive(PendingReceive)
  case flush(Reply<Void>)
  case createConsumer(name: String, base: UInt64, Reply<Void>)
  case resetConsumer(name: String, base: UInt64, Reply<Void>)
  case forgetConsumer(name: String, Reply<Void>)
  /// A consumer is about to send rows below `offset`; the mark is set so many rows further.
  case markSent(name: String, offset: UInt64, ahead: UInt64, Reply<Void>)
  /// A dead letter needs so many bytes; the answer says whether they are there.
  case makeRoom(forLetter: Int, Reply<Bool>)
  /// Another process asked for a time; a thread has looked where that is.
  case requestedReset(name: String, Result<UInt64, LogError>, requestID: String)
  /// A sealed segment is not what was sealed: keep a copy, rebuild it from what can be read.
  case heal(first: UInt64, reason: String, Reply<Void>)
  case setAside(SegmentReader.Damaged)
  case roll(Reply<Void>)
  case close(Reply<Void>)
  /// Stop at once, leaving everything as a kill would.
  case abandon(Reply<Void>)
}
