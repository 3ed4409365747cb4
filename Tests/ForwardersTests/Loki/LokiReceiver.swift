import Model
import Synchronization
import Wire

/// What Loki does with a push, after its specification: the good entries are stored, one of several that are the same, and the bad ones are told with 400 in
/// Loki's words.
final class LokiReceiver: Sendable {
  struct Answer: Sendable, Equatable {
    var status: String
    var body = ""
  }

  struct Limits: Sendable {
    var lineBytes = 1000
    /// Entries may be so much older than the newest of their stream.
    var windowNanoseconds: Int64 = 3_600_000_000_000
    /// Older ones are too old for Loki as a whole.
    var oldest: Int64 = 0
    var messageBytes = 4 << 20
    /// By the header; nil: one tenant only, and no header is needed.
    var tenants: Set<String>?
  }

  private let limits: Limits
  private let streams = Mutex<[String: [LogEntry]]>([:])

  init(_ limits: Limits = Limits()) { self.limits = limits }

  /// The lines of each stream, `tenant labels` → lines, by time.
  var lines: [String: [String]] {
    streams.withLock { $0.mapValues { $0.map { String(decoding: $0.line, as: UTF8.self) } } }
  }

  var entries: [String: [LogEntry]] { streams.withLock { $0 } }

  func take(_ request: ReceivingServer.Request) -> Answer {
    let tenant = request.header("x-scope-orgid") ?? ""
    if let tenants = limits.tenants, !tenants.contains(tenant) {
      return Answer(status: "401 Unauthorized", body: "no org id\n")
    }
    guard request.header("content-type") == "application/x-protobuf" else {
      return Answer(status: "415 Unsupported Media Type")
    }
    var wire = LokiPushLimits()
    wire.messageBytes = limits.messageBytes
    let push: LokiPush
    do throws(WireError) {
      push = try LokiPushDecoder.decode(compressed: request.body, wire)
    } catch {
      return error.kind == .tooLarge
        ? Answer(status: "413 Request Entity Too Large", body: "\(error)\n")
        : Answer(status: "400 Bad Request", body: "\(error)\n")
    }
    var faults: [String] = []
    streams.withLock { streams in
      for stream in push.streams {
        guard case .text(let bytes) = stream.identity, let labels = try? LokiLabels.parse(bytes) else {
          faults.append("error parsing labels")
          continue
        }
        guard !labels.pairs.isEmpty else {
          faults.append("error at least one label pair is required per stream")
          continue
        }
        let text = String(decoding: bytes, as: UTF8.self)
        for entry in stream.entries {
          if let fault = store(entry, text, &streams["\(tenant) \(text)", default: []]) { faults.append(fault) }
        }
      }
    }
    return faults.isEmpty
      ? Answer(status: "204 No Content")
      : Answer(status: "400 Bad Request", body: faults.joined(separator: ",\n") + ",\ntotal ignored: \(faults.count)")
  }

  private func store(_ entry: LogEntry, _ stream: String, _ stored: inout [LogEntry]) -> String? {
    if entry.line.count > limits.lineBytes {
      return
        "max entry size '\(limits.lineBytes)' bytes exceeded for stream '\(stream)' while adding an entry with length '\(entry.line.count)' bytes"
    }
    if entry.timestamp.rawValue < limits.oldest {
      return "entry for stream '\(stream)' has timestamp too old: \(entry.timestamp.rawValue)"
    }
    if stored.contains(entry) { return nil }
    if let newest = stored.map(\.timestamp).max(),
      entry.timestamp.rawValue < newest.rawValue - limits.windowNanoseconds
    {
      return
        "entry with timestamp \(entry.timestamp.rawValue) ignored, reason: 'entry too far behind, entry timestamp is: x, oldest acceptable timestamp is: y' for stream: \(stream)"
    }
    stored.append(entry)
    return nil
  }
}

extension ReceivingServer {
  /// A server that is this Loki.
  static func being(_ loki: LokiReceiver) throws -> ReceivingServer {
    try ReceivingServer { connection in
      while let request = connection.readRequest() {
        let answer = loki.take(request)
        connection.answer(answer.status, answer.body)
      }
    }
  }
}
