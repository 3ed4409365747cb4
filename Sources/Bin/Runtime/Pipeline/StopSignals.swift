import Dispatch
import Foundation
import Synchronization

/// SIGTERM and SIGINT: the first one asks for an orderly stop, a second one ends the process at once with 128 + its number.
///
/// The handlers run on a queue of their own, so that the second signal works even when everything else is stuck.
public final class StopSignals: Sendable {
  private let queue = DispatchQueue(label: "stop-signals")
  // Dispatch sources are thread-safe but not marked so; they are only kept here and cancelled once.
  private nonisolated(unsafe) let sources: [any DispatchSourceSignal]
  private let count: Count

  private final class Count: Sendable {
    let value = Mutex(0)
  }

  /// `stop` runs for the first signal, with its number.
  public init(_ stop: @escaping @Sendable (Int32) -> Void) {
    let count = Count()
    var sources: [any DispatchSourceSignal] = []
    for number in [SIGTERM, SIGINT] {
      // Dispatch only watches; the default action would end the process first.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        let before = count.value.withLock { value in
          value += 1
          return value - 1
        }
        if before == 0 { stop(number) } else { _exit(128 + number) }
      }
      source.resume()
      sources.append(source)
    }
    self.sources = sources
    self.count = count
  }

  deinit {
    for source in sources { source.cancel() }
  }
}
