import Synchronization

/// So many bytes for all bodies together. Who does not get what it asks for is sent away at once instead of waiting with what it has.
final class ByteBudget: Sendable {
  let limitBytes: Int
  private let used = Mutex(0)

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  var usedBytes: Int { used.withLock { $0 } }

  /// False when they are not there; then nothing is taken.
  func take(_ bytes: Int) -> Bool {
    used.withLock { used in
      guard bytes <= limitBytes - used else { return false }
      used += bytes
      return true
    }
  }

  func give(_ bytes: Int) { used.withLock { $0 -= bytes } }

  /// A holder of nothing yet.
  func lease() -> Lease { Lease(of: self) }

  /// What one request holds; given back when nobody refers to it any more.
  final class Lease: Sendable {
    private let budget: ByteBudget
    private let held = Mutex(0)

    fileprivate init(of budget: ByteBudget) { self.budget = budget }

    deinit { budget.give(held.withLock { $0 }) }

    func grow(_ bytes: Int) throws(Refusal) {
      guard budget.take(bytes) else {
        throw Refusal(
          .unavailable,
          "the requests under way hold \(budget.usedBytes) of \(budget.limitBytes) bytes, and this one needs \(bytes) more; it may be sent again in a second",
          retryAfter: .seconds(1))
      }
      held.withLock { $0 += bytes }
    }
  }
}
