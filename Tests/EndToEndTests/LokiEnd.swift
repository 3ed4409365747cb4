import Foundation
import Model
import Synchronization
import Wire

/// Where Loki would be: takes all pushes and remembers every entry of them, also those that came before.
final class LokiEnd: Sendable {
  private struct State {
    var lines: [WrittenLine] = []
    var problems: [String] = []
  }

  private final class Memory: Sendable {
    let state = Mutex(State())

    func reply(_ request: LoopbackServer.Request) -> LoopbackServer.Reply {
      do {
        let push = try LokiPushDecoder.decode(compressed: request.body)
        let lines = try push.streams.flatMap { stream -> [WrittenLine] in
          guard case .text(let text) = stream.identity else { return [] }
          let labels = try LokiLabels.parse(text).pairs
          return stream.entries.map { entry in
            WrittenLine(
              timestamp: "\(entry.timestamp.rawValue)", tenant: request.headers["x-scope-orgid"],
              labels: Dictionary(labels.map { ($0.name, $0.value) }) { $1 },
              metadata: entry.structuredMetadata.isEmpty
                ? nil : Dictionary(entry.structuredMetadata.map { ($0.name, $0.value) }) { $1 },
              line: String(decoding: entry.line, as: UTF8.self))
          }
        }
        state.withLock { $0.lines += lines }
        return .answer(204, body: [])
      } catch {
        state.withLock { $0.problems.append("\(request.path): \(error)") }
        return .answer(400, body: Array("\(error)".utf8))
      }
    }
  }

  private let memory = Memory()
  private let server: LoopbackServer

  init() throws {
    let memory = memory
    server = try LoopbackServer { memory.reply($0) }
  }

  deinit { server.stop() }

  /// The item of a gateway's list, with the name `loki`.
  var forwarder: String { "{name: loki, type: loki, url: \"http://127.0.0.1:\(server.port)\"}" }

  var lines: [WrittenLine] { memory.state.withLock { $0.lines } }
  /// Bodies that are no push.
  var problems: [String] { memory.state.withLock { $0.problems } }
}
