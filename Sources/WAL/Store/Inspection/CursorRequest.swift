import Glibc
import Model

/// A change to a cursor that another process asks the running log for: a small file in `<wal>/requests/`.
///
///     <id>.request      clymene-wal-request 1 ⏎ reset ⏎ <name> ⏎ oldest | newest | time <ms since 1970> ⏎
///                       clymene-wal-request 1 ⏎ forget ⏎ <name> ⏎
///     <id>.answer       ok ⏎   or   error <text> ⏎
///
/// The log looks at its commit tick, removes the request once it is carried out durably, and writes the answer; whoever asked
/// removes that.
struct CursorRequest: Equatable, Sendable {
  enum Action: Equatable, Sendable {
    case reset(CursorStart)
    case forget
  }

  static let requestSuffix = ".request"
  static let answerSuffix = ".answer"
  private static let title = "clymene-wal-request 1"

  var name: String
  var action: Action

  var bytes: [UInt8] {
    let lines: [String] =
      switch action {
      case .forget: ["forget", name]
      case .reset(.oldest): ["reset", name, "oldest"]
      case .reset(.newest): ["reset", name, "newest"]
      case .reset(.time(let time)): ["reset", name, "time \(time.rawValue)"]
      }
    return Array(([CursorRequest.title] + lines).joined(separator: "\n").utf8) + [10]
  }

  init(name: String, action: Action) {
    self.name = name
    self.action = action
  }

  /// Nil when it is not understood.
  init?(reading bytes: [UInt8]) {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 3, lines[0] == CursorRequest.title, !lines[2].isEmpty else { return nil }
    name = String(lines[2])
    switch lines[1] {
    case "forget": action = .forget
    case "reset":
      guard lines.count >= 4 else { return nil }
      switch lines[3] {
      case "oldest": action = .reset(.oldest)
      case "newest": action = .reset(.newest)
      default:
        guard lines[3].hasPrefix("time "), let time = Int64(lines[3].dropFirst(5)) else { return nil }
        action = .reset(.time(UnixMilliseconds(time)))
      }
    default: return nil
    }
  }
}

extension LogInspector {
  /// Sets a consumer's cursor to another place, durably. Where the log is live its process does it, within seconds.
  public func resetConsumer(_ name: String, to start: CursorStart, limitSeconds: Int = 15) async throws(LogError) {
    try await change(CursorRequest(name: name, action: .reset(start)), limitSeconds: limitSeconds)
  }

  /// Removes the cursor of a consumer that no running forwarder uses, durably.
  public func forgetConsumer(_ name: String, limitSeconds: Int = 15) async throws(LogError) {
    try await change(CursorRequest(name: name, action: .forget), limitSeconds: limitSeconds)
  }

  private func change(_ request: CursorRequest, limitSeconds: Int) async throws(LogError) {
    guard request.name.utf8.allSatisfy({ $0 >= 0x20 }), !request.name.isEmpty else {
      throw LogError(.misuse, "consumer's name: is empty or has control characters")
    }
    if !isLive {
      do throws(LogError) {
        return try await changeDirectly(request)
      } catch {
        // Somebody has opened it since.
        guard error.kind == .locked else { throw error }
      }
    }
    let requests = directory + "/requests"
    try Files.makeDirectory(requests)
    let id = "\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    let path = "\(requests)/\(id)\(CursorRequest.requestSuffix)"
    let answerPath = "\(requests)/\(id)\(CursorRequest.answerSuffix)"
    try Files.replace(path, with: request.bytes, durable: false)
    for _ in 0..<(limitSeconds * 20) {
      if let answer = try Files.read(answerPath, limitBytes: 65536) {
        try Files.remove(answerPath)
        let text = String(decoding: answer, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
        if text == "ok" { return }
        throw LogError(.misuse, text.hasPrefix("error ") ? String(text.dropFirst(6)) : "answer not understood: \(text)")
      }
      guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { break }
    }
    // Nobody took it: better that than a change at a moment that nobody expects.
    let wasTaken = try !Files.remove(path)
    throw LogError(
      .storage(code: ETIMEDOUT),
      wasTaken
        ? "\(directory): the running log took the request and has not answered within \(limitSeconds) s"
        : "\(directory): the running log did not take the request within \(limitSeconds) s; nothing was changed")
  }

  /// With the log opened here; its limits are put so far away that opening it removes nothing.
  private func changeDirectly(_ request: CursorRequest) async throws(LogError) {
    var configuration = LogConfiguration(
      directory: directory, maxSizeBytes: 1 << 60, maxAge: nil, whenFull: .reject, segmentBytes: 64 << 20,
      keepDelivered: .seconds(1 << 40))
    // How large it should be only the agent's configuration knows.
    configuration.keepsReserve = false
    let log = try WriteAheadLog.open(configuration)
    do throws(LogError) {
      switch request.action {
      case .reset(let start): try await log.resetConsumer(request.name, to: start)
      case .forget: try await log.forgetConsumer(request.name)
      }
    } catch {
      try? await log.close()
      throw error
    }
    try await log.close()
  }
}

extension LogWriter {
  /// Carries out what other processes have left in `requests/`.
  func answerRequests() {
    let directory = configuration.requestsDirectory
    guard let names = try? Files.list(directory), !names.isEmpty else { return }
    for name in names where name.hasSuffix(CursorRequest.requestSuffix) {
      let path = "\(directory)/\(name)"
      let id = String(name.dropLast(CursorRequest.requestSuffix.count))
      guard let bytes = (try? Files.read(path, limitBytes: 4096)).flatMap({ $0 }) else { continue }
      _ = try? Files.remove(path)
      do throws(LogError) {
        guard let request = CursorRequest(reading: bytes) else {
          throw LogError(.misuse, "request not understood")
        }
        switch request.action {
        case .reset(.time(let time)):
          // Reading segments takes its time, and commits do not wait for it.
          let core = core
          try NamedThread.start("wal-seek") {
            let found: Result<UInt64, LogError>
            do throws(LogError) {
              found = .success(try core.offsetBlocking(of: .time(time)))
            } catch {
              found = .failure(error)
            }
            _ = core.submit(.requestedReset(name: request.name, found, requestID: id), isUrgent: true)
          }
        case .reset(let start):
          try resetConsumer(request.name, base: core.offsetBlocking(of: start))
          answerRequest(id, nil)
        case .forget:
          try forgetConsumer(request.name)
          answerRequest(id, nil)
        }
      } catch {
        answerRequest(id, error)
      }
    }
  }

  func answerReset(_ name: String, _ found: Result<UInt64, LogError>, _ id: String) {
    do throws(LogError) {
      try resetConsumer(name, base: found.get())
      answerRequest(id, nil)
    } catch {
      answerRequest(id, error)
    }
  }

  private func answerRequest(_ id: String, _ error: LogError?) {
    let text = error.map { "error " + $0.what.filter { !$0.isNewline } } ?? "ok"
    let path = "\(configuration.requestsDirectory)/\(id)\(CursorRequest.answerSuffix)"
    try? Files.replace(path, with: Array((text + "\n").utf8), durable: false)
  }
}
