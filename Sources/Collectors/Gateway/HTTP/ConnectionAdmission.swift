import NIOCore

/// Closes a connection at once when there are too many of its address already. For one connection.
final class ConnectionAdmission: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias InboundOut = NIOAny

  private let connections: ConnectionCount
  private var isTooMany = false

  init(_ connections: ConnectionCount) { self.connections = connections }

  func handlerAdded(context: ChannelHandlerContext) {
    isTooMany = !connections.join(context.channel)
    // Before that nobody would notice the end.
    if context.channel.isActive { closeIfTooMany(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    closeIfTooMany(context)
  }

  private func closeIfTooMany(_ context: ChannelHandlerContext) {
    if isTooMany { context.close(promise: nil) }
  }
}
