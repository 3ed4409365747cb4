import NIOCore
import Synchronization

/// A request's body that knows whether it has begun to be sent: the client asks for it when the connection stands and the head is written.
struct WatchedBody: AsyncSequence, Sendable {
  fileprivate final class Progress: Sendable {
    let isBegun = Atomic<Bool>(false)
  }

  struct AsyncIterator: AsyncIteratorProtocol {
    private var body: ByteBuffer?
    private let progress: Progress

    fileprivate init(_ body: ByteBuffer, _ progress: Progress) {
      self.body = body
      self.progress = progress
    }

    mutating func next() async -> ByteBuffer? {
      progress.isBegun.store(true, ordering: .releasing)
      defer { body = nil }
      return body
    }
  }

  private let body: ByteBuffer
  private let progress = Progress()

  init(_ bytes: [UInt8]) { body = ByteBuffer(bytes: bytes) }

  /// Bytes.
  var count: Int { body.readableBytes }

  var wasBegun: Bool { progress.isBegun.load(ordering: .acquiring) }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body, progress) }
}
