import Model

/// What a lane does next after an answer: the program's only retry rule, as a value. Time and randomness come from outside.
struct LaneDecision: Sendable {
  struct Limits: Sendable, Equatable {
    /// The first pause after a failure; it doubles from there.
    var firstPause = Duration.milliseconds(100)
    /// The longest pause: a destination that is back is noticed within this time.
    var longestPause = Duration.seconds(5)
    /// A destination may ask for a longer pause (Retry-After), up to this.
    var longestAskedPause = Duration.seconds(60)
    /// Pause where only a person can help: wrong credentials, refused data.
    var heldPause = Duration.seconds(30)
    /// What is asked of the log at once.
    var requestBytes = 1 << 20
  }

  enum Action: Equatable, Sendable {
    /// The request's rows are at their destination: the cursor may pass them.
    case acknowledge
    /// Sends the same again after a pause.
    case again(after: Duration)
    /// Sends the first half of the same blocks at once.
    case halve
  }

  /// Why nothing moves until somebody does something.
  enum Alarm: Equatable, Sendable {
    case misconfigured(String)
    case refused(String)
  }

  let limits: Limits
  private(set) var failuresInARow = 0
  private(set) var alarm: Alarm?
  /// At most so many blocks go into a request; nil when nothing was too large lately.
  private(set) var blockLimit: Int?
  private var deliveredSinceHalving = 0

  init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// The action for an answer to a request of `blocks` blocks. `random` is evenly spread over 0..<1.
  mutating func answer(_ outcome: Outcome, blocks: Int, random: Double) -> Action {
    switch outcome {
    case .delivered, .alreadyThere:
      failuresInARow = 0
      alarm = nil
      growAfterSuccess()
      return .acknowledge
    case .retry(_, let asked):
      alarm = nil
      failuresInARow += 1
      return .again(after: pause(asked: asked, random: random))
    case .tooLarge(let reason):
      guard blocks > 1 else { return hold(.refused("a single block is too large: \(reason)"), random: random) }
      blockLimit = max(1, blocks / 2)
      deliveredSinceHalving = 0
      return .halve
    case .misconfigured(let reason):
      return hold(.misconfigured(reason), random: random)
    case .refused(let reason), .conflict(let reason):
      return hold(.refused(reason), random: random)
    }
  }

  /// The cursor was moved: what held the lane may be gone.
  mutating func startOver() {
    failuresInARow = 0
    alarm = nil
    blockLimit = nil
  }

  private mutating func hold(_ reason: Alarm, random: Double) -> Action {
    failuresInARow += 1
    alarm = reason
    return .again(after: limits.heldPause * (0.75 + random / 2))
  }

  /// Half of the pause is fixed and half is random, so that many senders do not come back at one instant.
  private func pause(asked: Duration?, random: Double) -> Duration {
    let doublings = min(failuresInARow - 1, 30)
    let base = min(limits.firstPause * (1 << doublings), limits.longestPause)
    let own = base * (0.5 + random / 2)
    guard let asked else { return own }
    // Never before the time that was asked for; spread a little behind it.
    return max(own, min(asked, limits.longestAskedPause) * (1 + random / 10))
  }

  /// After a while of successes larger requests are tried again.
  private mutating func growAfterSuccess() {
    guard let limit = blockLimit else { return }
    deliveredSinceHalving += 1
    if deliveredSinceHalving >= 32 {
      blockLimit = limit >= 512 ? nil : limit * 2
      deliveredSinceHalving = 0
    }
  }
}
