import Synchronization

/// Sessions by their settings: users with equal settings share one, and with it the connections.
public final class HTTPSessions: Sendable {
  private let sessions = Mutex<[HTTPConfiguration: HTTPSession]>([:])

  public init() {}

  public func session(for configuration: HTTPConfiguration) -> HTTPSession {
    sessions.withLock { sessions in
      if let session = sessions[configuration] { return session }
      let session = HTTPSession(configuration)
      sessions[configuration] = session
      return session
    }
  }

  /// Ends all connections of all sessions. Requests that run end with an error.
  public func close() async {
    for session in sessions.withLock({ Array($0.values) }) { await session.close() }
  }
}
