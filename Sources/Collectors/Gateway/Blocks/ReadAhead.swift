import Synchronization

/// What was read of a stream and waits to be taken, so many elements and bytes at most. One giver, one taker.
final class ReadAhead<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var bytes = 0
    var isEnded = false
    var taker: CheckedContinuation<Void, Never>?
    var giver: CheckedContinuation<Void, Never>?

    mutating func wakeBoth() -> [CheckedContinuation<Void, Never>] {
      let waiting = [taker, giver].compactMap { $0 }
      taker = nil
      giver = nil
      return waiting
    }
  }

  private let limit: Int
  private let limitBytes: Int
  private let state = Mutex(State())

  init(limit: Int, limitBytes: Int) {
    self.limit = limit
    self.limitBytes = limitBytes
  }

  /// Returns when there is room for another one; false when nobody takes any more.
  func give(_ element: Element, bytes: Int) async -> Bool {
    let woken: CheckedContinuation<Void, Never>? = state.withLock { state in
      state.elements.append(element)
      state.bytes += bytes
      defer { state.taker = nil }
      return state.taker
    }
    woken?.resume()
    await withCheckedContinuation { continuation in
      let mayGoOn = state.withLock { state in
        if state.isEnded || state.elements.count < limit && state.bytes < limitBytes { return true }
        state.giver = continuation
        return false
      }
      if mayGoOn { continuation.resume() }
    }
    return !state.withLock { $0.isEnded }
  }

  /// Everything that waits, at least one; empty at the end.
  func takeAll() async -> [Element] {
    await withCheckedContinuation { continuation in
      let mayGoOn = state.withLock { state in
        if state.isEnded || !state.elements.isEmpty { return true }
        state.taker = continuation
        return false
      }
      if mayGoOn { continuation.resume() }
    }
    let (elements, giver) = state.withLock { state in
      defer {
        state.elements = []
        state.bytes = 0
        state.giver = nil
      }
      return (state.elements, state.giver)
    }
    giver?.resume()
    return elements
  }

  /// Nothing more comes, or nothing more is taken; both sides go on.
  func end() {
    let waiting = state.withLock { state in
      state.isEnded = true
      return state.wakeBoth()
    }
    for continuation in waiting { continuation.resume() }
  }
}
