import NIOCore
import Synchronization

/// Counts connections, all together and those of each address, so that none keeps the others out; closes gRPC's that are too many, and those that say nothing
/// for a while after they came.
final class ConnectionCount: Sendable {
  /// An address has half of the connections, but never fewer than these: several senders may stand behind one.
  private static let leastOfPeer = 8

  private let limit: Int
  private let limitOfPeer: Int
  private let firstBytesWithin: TimeAmount
  private let budget: ByteBudget
  private let state = Mutex(State())

  private struct State {
    var open = 0
    var peers: [String: (share: ByteBudget, connections: Int)] = [:]
  }

  /// `limitsAll`: false for a server that counts all of them itself and lets those wait that are too many.
  init(limit: Int, limitsAll: Bool = true, firstBytesWithin: Duration, budget: ByteBudget) {
    self.limit = limitsAll ? limit : .max
    limitOfPeer = max(Self.leastOfPeer, limit / 2)
    self.budget = budget
    self.firstBytesWithin = TimeAmount(firstBytesWithin)
  }

  /// Counts a connection until it is closed. False when it is one too many and has to be closed.
  func join(_ channel: any Channel) -> Bool {
    let peer = channel.remoteAddress?.ipAddress ?? "unknown"
    let isWithin = state.withLock { state in
      state.open += 1
      state.peers[peer, default: (budget.share(), 0)].connections += 1
      return state.open <= limit
        && state.peers[peer].map { $0.connections <= limitOfPeer } ?? true
    }
    channel.closeFuture.whenComplete { _ in self.left(peer) }
    return isWithin
  }

  func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    guard join(channel) else {
      channel.close(promise: nil)
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    return channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(FirstFrame(within: self.firstBytesWithin), position: .last)
    }
  }
}

extension ConnectionCount {
  /// What all connections of one address may hold together.
  func share(of connection: (any Channel)?) -> ByteBudget {
    let peer = connection?.remoteAddress?.ipAddress ?? "unknown"
    return state.withLock { $0.peers[peer]?.share } ?? budget.share()
  }

  private func left(_ peer: String) {
    state.withLock { state in
      state.open -= 1
      state.peers[peer]?.connections -= 1
      if state.peers[peer]?.connections == 0 { state.peers[peer] = nil }
    }
  }
}

/// Closes a connection from which no call has come within a time. For one connection.
private final class FirstFrame: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias InboundOut = NIOAny

  private let time: TimeAmount
  private var timer: Scheduled<Void>?

  init(within time: TimeAmount) { self.time = time }

  func handlerAdded(context: ChannelHandlerContext) {
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    timer?.cancel()
    context.fireChannelRead(data)
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
}
