import Synchronization

/// Lets one after the other use what all share, in the order in which they come.
///
/// A lane sends dead letters once more beside what is new, so that two deliveries may be under way even where there is one shard; but the answers of a
/// stream, and the tables that were sent on it, belong to one delivery at a time.
final class Turns: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// Returns when it is the caller's turn, which lasts until `give`. A cancelled caller waits, too: at a stop those before it are cancelled as well.
  func take() async {
    await withCheckedContinuation { turn in
      let isFree = state.withLock { state in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        state.waiting.append(turn)
        return false
      }
      if isFree { turn.resume() }
    }
  }

  /// The next one's turn.
  func give() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.isTaken = false
      return nil
    }
    next?.resume()
  }
}
