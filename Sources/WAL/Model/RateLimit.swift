/// An allowance that grows with time and is spent by requests: at most so much a second on average, and never more than one second's worth
/// saved up. Pure: the clock's readings are parameters.
public struct RateLimit: Sendable {
  private let perSecond: Double
  private let most: Double
  private var balance: Double
  private var last: ContinuousClock.Instant

  /// `perSecond` is above 0.
  public init(perSecond: Double, now: ContinuousClock.Instant) {
    self.perSecond = perSecond
    most = max(perSecond, 1)
    balance = most
    last = now
  }

  /// How long until `amount` may be spent; zero when it may be now. More than can be saved up may be spent once the most is there: the debt is
  /// waited out afterwards.
  public mutating func pause(for amount: Double, now: ContinuousClock.Instant) -> Duration {
    balance = min(most, balance + seconds(now - last) * perSecond)
    last = now
    let missing = min(amount, most) - balance
    // An hour at a time is enough to wait, and more than a Duration holds could come of a very small rate.
    return missing > 0 ? .seconds(min(missing / perSecond, 3600)) : .zero
  }

  /// Spends, or gives back what was not used after all (a negative amount).
  public mutating func spend(_ amount: Double) { balance -= amount }

  private func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}
