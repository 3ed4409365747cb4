import Synchronization

/// Runs blocking work (reading a segment's pages from a slow card) one piece after the other on a thread of its own, so that
/// nothing blocks the cooperative pool. The thread starts with the first piece and ends with the object.
final class SerialThread: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var isStarted = false
    var isStopped = false
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    let wakeup = Wakeup()
  }

  private let name: String
  private let shared = Shared()

  init(_ name: String) { self.name = name }

  deinit {
    shared.state.withLock { $0.isStopped = true }
    shared.wakeup.call()
  }

  /// Runs `body` on the thread and returns when it has run.
  func run<R: Sendable>(_ body: @escaping @Sendable () throws(LogError) -> R) async throws(LogError) -> R {
    let isNew = shared.state.withLock { state in
      defer { state.isStarted = true }
      return !state.isStarted
    }
    if isNew {
      let shared = shared
      do throws(LogError) {
        try NamedThread.start(name) { SerialThread.loop(shared) }
      } catch {
        shared.state.withLock { $0.isStarted = false }
        throw error
      }
    }
    let result: Result<R, LogError> = await withCheckedContinuation { continuation in
      shared.state.withLock { state in
        state.jobs.append {
          do throws(LogError) {
            continuation.resume(returning: .success(try body()))
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
      }
      shared.wakeup.call()
    }
    return try result.get()
  }

  private static func loop(_ shared: Shared) {
    while true {
      let (jobs, stop) = shared.state.withLock { state in
        defer { state.jobs = [] }
        return (state.jobs, state.isStopped)
      }
      for job in jobs { job() }
      if jobs.isEmpty {
        if stop { return }
        shared.wakeup.wait(until: nil)
      }
    }
  }
}
