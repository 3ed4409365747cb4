import Synchronization

/// Bodies to answer with, one after another; nil is a connection that breaks.
final class Bodies: Sendable {
  private let rest: Mutex<[[UInt8]?]>

  init(_ bodies: [[UInt8]?]) { rest = Mutex(bodies) }

  func take() -> [UInt8]? { rest.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}
