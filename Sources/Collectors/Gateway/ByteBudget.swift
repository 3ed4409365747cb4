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

  /// What one sender may have of it: half, so that one with slow bodies leaves room for the others.
  func share() -> ByteBudget { ByteBudget(limitBytes: max(1, limitBytes / 2)) }

  /// A holder of nothing yet. What it takes counts towards the share of its sender as well.
  func lease(within share: ByteBudget) -> Lease { Lease(of: self, within: share) }

  /// What one request holds; given back when nobody refers to it any more.
  final class Lease: Sendable {
    private let budget: ByteBudget
    private let share: ByteBudget
    private let held = Mutex(0)

    fileprivate init(of budget: ByteBudget, within share: ByteBudget) {
      self.budget = budget
      self.share = share
    }

    deinit {
      let bytes = held.withLock { $0 }
      budget.give(bytes)
      share.give(bytes)
    }

    /// Throws what helps its sender: less at once where it can never have so much, otherwise later.
    func grow(_ bytes: Int) throws(Refusal) {
      let wanted = held.withLock { $0 } + bytes
      guard wanted <= share.limitBytes else {
        throw Refusal(
          .tooLarge,
          "the request takes \(wanted) bytes while it is read and decompressed, of \(share.limitBytes) that one sender may have under way; less at once may be taken"
        )
      }
      guard share.take(bytes) else {
        throw Refusal(
          .unavailable,
          "this sender's requests under way hold \(share.usedBytes) of \(share.limitBytes) bytes, and this one needs \(bytes) more; it may be sent again in a second",
          retryAfter: .seconds(1))
      }
      guard budget.take(bytes) else {
        share.give(bytes)
        throw Refusal(
          .unavailable,
          "the requests under way hold \(budget.usedBytes) of \(budget.limitBytes) bytes, and this one needs \(bytes) more; it may be sent again in a second",
          retryAfter: .seconds(1))
      }
      held.withLock { $0 += bytes }
    }
  }
}
