import Synchronization

/// The history, shared by who writes it and who shows it.
final class HistoryStore: Sendable {
  private let state = Mutex(History())

  var history: History { state.withLock { $0 } }

  func add(_ reading: HistoryReading) { state.withLock { $0.add(reading) } }
}
