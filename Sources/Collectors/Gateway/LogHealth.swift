import Synchronization

/// Whether the log took what it was given last, for health checks. A failure counts for some seconds only, since senders that look at the health send nothing
/// by which it could get better.
final class LogHealth: Sendable {
  private static let memory = Duration.seconds(10)

  private let failure = Mutex<(reason: String, at: ContinuousClock.Instant)?>(nil)

  func stored() { failure.withLock { $0 = nil } }

  func failed(_ reason: String, now: ContinuousClock.Instant = .now) { failure.withLock { $0 = (reason, now) } }

  func problem(now: ContinuousClock.Instant = .now) -> String? {
    failure.withLock { failure in
      guard let failure, now - failure.at < Self.memory else { return nil }
      return failure.reason
    }
  }
}
