import Foundation
import Model
import Synchronization
import Wire

/// A receiver of remote write that remembers what it took, and misbehaves as it is told.
final class ReceivingEnd: Sendable {
  enum Verdict: Sendable {
    case take
    /// Takes the rows, and the connection ends without an answer.
    case takeAndHangUp
    case refuse(Int, String)
    /// Says nothing.
    case silence
  }

  /// By the decompressed message, and by the length of the body as it came.
  typealias Judge = @Sendable (_ message: [UInt8], _ bodyBytes: Int) -> Verdict

  private struct State {
    var judge: Judge
    var taken: Set<SampleIdentity> = []
    /// Requests that did not get a good answer, and those that did.
    var failed = 0
    var good = 0
    var problems: [String] = []
  }

  private final class Memory: Sendable {
    let state: Mutex<State>
    init(_ judge: @escaping Judge) { state = Mutex(State(judge: judge)) }

    func reply(_ request: LoopbackServer.Request) -> LoopbackServer.Reply {
      do {
        let message = try Snappy.decompress(request.body.span.bytes, limitBytes: 64 << 20)
        let judge = state.withLock { $0.judge }
        switch judge(message, request.body.count) {
        case .take:
          try take(message)
          state.withLock { $0.good += 1 }
          return .answer(200, body: [])
        case .takeAndHangUp:
          try take(message)
          state.withLock { $0.failed += 1 }
          return .hangUp
        case .refuse(let status, let words):
          state.withLock { $0.failed += 1 }
          return .answer(status, body: Array(words.utf8))
        case .silence:
          state.withLock { $0.failed += 1 }
          return .silence
        }
      } catch {
        state.withLock { $0.problems.append("\(error)") }
        return .answer(500, body: Array("\(error)".utf8))
      }
    }

    private func take(_ message: [UInt8]) throws {
      let samples = try RemoteWriteDecoder.decode(message).series.flatMap { series in
        series.samples.map { SampleIdentity(labels: series.labels, timestamp: $0.timestamp.rawValue) }
      }
      state.withLock { $0.taken.formUnion(samples) }
    }
  }

  private let memory: Memory
  private let server: LoopbackServer

  init(_ judge: @escaping Judge) throws {
    let memory = Memory(judge)
    self.memory = memory
    server = try LoopbackServer { memory.reply($0) }
  }

  deinit { server.stop() }

  /// The item of the agent's list, with the name `remote`.
  var forwarder: String {
    "{name: remote, type: prometheus, url: \"http://127.0.0.1:\(server.port)/api/v1/write\", timeout: 1s}"
  }

  /// Judges by something else from the next request on.
  func change(_ judge: @escaping Judge) { memory.state.withLock { $0.judge = judge } }

  var taken: Set<SampleIdentity> { memory.state.withLock { $0.taken } }
  var failed: Int { memory.state.withLock { $0.failed } }
  var good: Int { memory.state.withLock { $0.good } }
  /// Bodies that are no remote write.
  var problems: [String] { memory.state.withLock { $0.problems } }
}
