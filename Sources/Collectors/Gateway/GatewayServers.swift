/// One of the servers of a gateway.
protocol GatewayServer: Sendable {
  /// For errors.
  var description: String { get }

  /// Returns when the server has stopped; throws when it cannot listen. Cancelling ends it at once.
  func run() async throws

  /// Nothing new is taken; `run` returns when what is under way is answered.
  func stop() async
}

/// A server that cannot listen, or ended by itself.
struct GatewayServerError: Error, CustomStringConvertible {
  var server: String
  var reason: String

  var description: String { "the gateway's \(server): \(reason)" }
}

/// Runs servers side by side until the task is cancelled, and stops them in order.
struct GatewayServers {
  private let servers: [any GatewayServer]
  private let stopTimeout: Duration
  private let notice: StopNotice

  private enum Event: Sendable {
    case cancelled
    case ended(server: String, (any Error)?)
    case tooLate
  }

  init(_ servers: [any GatewayServer], stopTimeout: Duration, notice: StopNotice) {
    self.servers = servers
    self.stopTimeout = stopTimeout
    self.notice = notice
  }

  func run() async throws {
    let (events, happened) = AsyncStream.makeStream(of: Event.self)
    // Not children: a cancelled collector finishes what is under way first, and children would be cancelled with it.
    let running = servers.map { server in
      Task.detached {
        do {
          try await server.run()
          happened.yield(.ended(server: server.description, nil))
        } catch {
          happened.yield(.ended(server: server.description, error))
        }
      }
    }
    // Cancelling ends the loop over a stream, so that another task has to read it.
    let watching = Task.detached { await watch(events, running, happened) }
    let failure = await withTaskCancellationHandler {
      await watching.value
    } onCancel: {
      happened.yield(.cancelled)
    }
    for task in running { await task.value }
    if let failure { throw failure }
  }

  /// Returns when all have ended, with what was wrong first.
  private func watch(
    _ events: AsyncStream<Event>, _ running: [Task<Void, Never>], _ happened: AsyncStream<Event>.Continuation
  ) async -> GatewayServerError? {
    var left = servers.count
    var failure: GatewayServerError?
    var stopping: Task<Void, Never>?
    defer { stopping?.cancel() }
    guard left > 0 else { return nil }
    for await event in events {
      switch event {
      case .tooLate: for task in running { task.cancel() }
      case .cancelled: stopping = stopping ?? stop(happened)
      case .ended(let server, let error):
        left -= 1
        if let error {
          failure = failure ?? GatewayServerError(server: server, reason: "\(error)")
        } else if !notice.isGiven {
          failure = failure ?? GatewayServerError(server: server, reason: "it has stopped by itself")
        }
        guard left > 0 else { return failure }
        stopping = stopping ?? stop(happened)
      }
    }
    return failure
  }

  /// Tells all to stop, and after a while that it is too late.
  private func stop(_ happened: AsyncStream<Event>.Continuation) -> Task<Void, Never> {
    notice.give()
    return Task.detached { [servers, stopTimeout] in
      await withTaskGroup(of: Void.self) { group in
        for server in servers { group.addTask { await server.stop() } }
        group.addTask { if (try? await Task.sleep(for: stopTimeout)) != nil { happened.yield(.tooLate) } }
      }
    }
  }
}
