import Synchronization

/// Whether the log took what it was given last, for health checks. A failure counts for some seconds only, since senders that look at the health send nothing
/// by which it could get better.
final class LogHealth: Sendable {
  private static let memory = Duration.seconds(10)

  private let failedAt = Mutex<ContinuousClock.Instant?>(nil)

  func stored() { failedAt.withLock { $0 = nil } }

  func failed(now: ContinuousClock.Instant = .now) { failedAt.withLock { $0 = now } }

  func isFailing(now: ContinuousClock.Instant = .now) -> Bool {
    failedAt.withLock { failedAt in failedAt.map { now - $0 < Self.memory } ?? false }
  }
}
