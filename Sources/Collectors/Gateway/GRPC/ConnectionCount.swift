import NIOCore
import Synchronization

/// Counts connections, and closes those that are too many, and those that say nothing for a while after they came.
final class ConnectionCount: Sendable {
  private let limit: Int
  private let firstBytesWithin: TimeAmount
  private let open = Mutex(0)

  init(limit: Int, firstBytesWithin: Duration) {
    self.limit = limit
    self.firstBytesWithin = TimeAmount(firstBytesWithin)
  }

  func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    let count = open.withLock { open in
      open += 1
      return open
    }
    channel.closeFuture.whenComplete { _ in self.open.withLock { $0 -= 1 } }
    guard count <= limit else {
      channel.close(promise: nil)
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    return channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(FirstFrame(within: self.firstBytesWithin), position: .last)
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
