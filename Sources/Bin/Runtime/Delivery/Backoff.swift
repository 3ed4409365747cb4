/// How long to wait after a failure. Pure: randomness is a parameter.
struct Backoff: Sendable {
  let limits: LaneLimits
  private(set) var failures = 0

  init(limits: LaneLimits) { self.limits = limits }

  mutating func succeed() { failures = 0 }

  /// The pause after one more failure. `asked` is what the destination asked for; `random` is evenly spread over 0..<1. Half of the pause is fixed
  /// and half is random, so that many senders do not come back at one instant.
  mutating func fail(asked: Duration?, random: Double) -> Duration {
    failures += 1
    let doublings = min(failures - 1, 30)
    let base = min(limits.firstPause * (1 << doublings), limits.longestPause)
    let own = base * (0.5 + random / 2)
    guard let asked else { return own }
    // Never before the time that was asked for; spread a little behind it.
    return max(own, min(asked, limits.longestAskedPause) * (1 + random / 10))
  }

  /// The pause where only a person can help.
  mutating func hold(random: Double) -> Duration {
    failures += 1
    return limits.heldPause * (0.75 + random / 2)
  }
}
