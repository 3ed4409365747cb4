import Foundation
import Synchronization

/// Somebody who pushes logs to a gateway in all ways, one push after the other, each once: one that is not answered is not sent again.
final class LogPusher: Sendable {
  struct Push: Hashable {
    var number: Int
    var way: PushedLines.Way

    var lines: [WrittenLine] { PushedLines.lines(number, by: way) }
  }

  private struct State {
    var isStopping = false
    var hasStopped = false
    /// The gateway said that it has them.
    var answered: [Push] = []
    /// It said nothing: it may have them.
    var unanswered: [Push] = []
    /// It said something else, which is in place here.
    var complaints: [String] = []
  }

  private let state = Mutex(State())

  /// Begins at once.
  init(to port: Int) {
    // A thread of its own, since it waits for answers.
    Thread(block: { self.run(port) }).start()
  }

  var answered: [Push] { state.withLock { $0.answered } }
  var unanswered: [Push] { state.withLock { $0.unanswered } }
  var complaints: [String] { state.withLock { $0.complaints } }

  /// Returns when nothing is under way any more; false when that takes too long.
  func stop() async -> Bool {
    state.withLock { $0.isStopping = true }
    return await eventually { self.state.withLock { $0.hasStopped } }
  }

  private func run(_ port: Int) {
    var number = 0
    while !state.withLock({ $0.isStopping }) {
      for way in PushedLines.Way.allCases {
        let push = Push(number: number, way: way)
        do {
          let status = try PushedLines.push(number, by: way, to: port)
          state.withLock {
            if status == 204 { $0.answered.append(push) } else { $0.complaints.append("\(way): \(status)") }
          }
        } catch {
          state.withLock { $0.unanswered.append(push) }
        }
      }
      number += 1
      // While the gateway is away there would be many.
      usleep(5000)
    }
    state.withLock { $0.hasStopped = true }
  }
}
