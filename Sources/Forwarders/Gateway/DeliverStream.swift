import GRPCCore
import GatewayRPC
import Synchronization

/// The one stream of a connection by which blocks are delivered: requests go in, events come out, for one user at a time.
final class DeliverStream: Sendable {
  enum Event: Sendable {
    case response([UInt8])
    /// By an error, or because the gateway ended it in order (nil). The last event.
    case ended(RPCError?)
    /// The time for an answer is over.
    case late(Int)
  }

  private struct State {
    var sentRequests = 0
    var hasEnded = false
    var waits = 0
    var unread = 0
  }

  /// Answers that nobody has asked for yet, more than requests can be under way.
  private static let unreadLimit = 64

  let link: GatewayLink
  private let requests: AsyncStream<[UInt8]>.Continuation
  private let events: AsyncStream<Event>
  private let happened: AsyncStream<Event>.Continuation
  private let shared: Shared
  private let running: Task<Void, Never>

  private final class Shared: Sendable {
    let state = Mutex(State())
  }

  init(on link: GatewayLink) {
    self.link = link
    let (requests, send) = AsyncStream<[UInt8]>.makeStream()
    let (events, happened) = AsyncStream<Event>.makeStream()
    self.requests = send
    self.events = events
    self.happened = happened
    let shared = Shared()
    self.shared = shared
    // Owned by this object, and awaited in `close`.
    running = Task {
      let error = await Self.run(on: link, requests, shared, happened)
      shared.state.withLock { $0.hasEnded = true }
      send.finish()
      happened.yield(.ended(error))
      happened.finish()
    }
  }

  private static func run(
    on link: GatewayLink, _ requests: AsyncStream<[UInt8]>, _ shared: Shared,
    _ happened: AsyncStream<Event>.Continuation
  ) async -> RPCError? {
    let request = StreamingClientRequest<[UInt8]>(metadata: link.metadata) { writer in
      for await bytes in requests {
        shared.state.withLock { $0.sentRequests += 1 }
        try await writer.write(bytes)
      }
    }
    do {
      try await link.client.bidirectionalStreaming(
        request: request, descriptor: GatewayMethods.deliver, serializer: BytesCoder(), deserializer: BytesCoder(),
        options: .defaults
      ) { response in
        for try await message in response.messages {
          let unread = shared.state.withLock { state in
            state.unread += 1
            return state.unread
          }
          guard unread <= unreadLimit else {
            throw RPCError(code: .internalError, message: "more answers than requests")
          }
          happened.yield(.response(message))
        }
      }
      return nil
    } catch let error as RPCError {
      return error
    } catch {
      return RPCError(code: .unavailable, message: "\(error)")
    }
  }

  /// How many messages have begun to go out: the gateway may have taken them.
  var sentRequests: Int { shared.state.withLock { $0.sentRequests } }
  /// Whether it has ended; an event says how.
  var hasEnded: Bool { shared.state.withLock { $0.hasEnded } }

  func send(_ request: [UInt8]) { requests.yield(request) }

  /// The next answer, the end of the stream, or the end of the time; the end also when the caller is cancelled.
  func next(within time: Duration) async -> Event {
    let wait = shared.state.withLock { state in
      state.waits += 1
      return state.waits
    }
    let happened = self.happened
    let late = link.after(time) { happened.yield(.late(wait)) }
    defer { late.cancel() }
    for await event in events {
      if case .late(let number) = event, number != wait { continue }
      if case .response = event { shared.state.withLock { $0.unread -= 1 } }
      return event
    }
    return .ended(RPCError(code: .cancelled, message: "the delivery was given up"))
  }

  /// Ends the stream and its connection. Returns when both have ended.
  func close() async {
    requests.finish()
    running.cancel()
    await link.close()
    await running.value
  }
}
