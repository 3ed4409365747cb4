import NIOCore
import Synchronization

/// Calls somebody once a connection has sent next to nothing for a time: an answer may take as long as a slow link takes for what goes before it.
final class SilenceWatch: Sendable {
  /// Less says nothing: signs of life go out, too, while the other side hangs.
  static let noticeableBytes = 4096

  private struct State {
    var sentBytes: Int
    var timer: Scheduled<Void>?
    var isOver = false
  }

  private let loop: any EventLoop
  private let time: TimeAmount
  private let sentBytes: @Sendable () -> Int
  private let body: @Sendable () -> Void
  private let state: Mutex<State>

  /// `sentBytes` says how many the connection has sent so far; `body` is called at most once, on the event loop, after `time` or up to twice of it.
  init(
    on loop: any EventLoop, time: Duration, sentBytes: @escaping @Sendable () -> Int,
    _ body: @escaping @Sendable () -> Void
  ) {
    self.loop = loop
    self.time = .nanoseconds(Int64(clamping: Int128(time / .nanoseconds(1))))
    self.sentBytes = sentBytes
    self.body = body
    state = Mutex(State(sentBytes: sentBytes()))
    wait()
  }

  func cancel() {
    let timer = state.withLock { state in
      state.isOver = true
      return state.timer
    }
    timer?.cancel()
  }

  private func wait() {
    let timer = loop.scheduleTask(in: time) { self.look() }
    let isOver = state.withLock { state in
      state.timer = timer
      return state.isOver
    }
    if isOver { timer.cancel() }
  }

  private func look() {
    let sent = sentBytes()
    let (isOver, hasMoved) = state.withLock { state in
      let hasMoved = sent - state.sentBytes >= Self.noticeableBytes
      state.sentBytes = sent
      return (state.isOver, hasMoved)
    }
    if isOver { return }
    if hasMoved { wait() } else { body() }
  }
}
