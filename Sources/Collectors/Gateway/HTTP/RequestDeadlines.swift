import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes a connection that is slow to say what it wants, slow with a body, or idle; and one whose body goes on after the answer was given. For one connection.
final class RequestDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// What a body has to come with after its first time.
  private static let bytesPerSecond = 1024
  /// For an answer to arrive before the connection ends under it.
  private static let lingering = TimeAmount.seconds(2)

  private let header: TimeAmount
  private let body: TimeAmount
  private let idle: TimeAmount
  private var timer: Scheduled<Void>?
  private var heads = 0
  private var ends = 0
  private var answers = 0
  private var bodyBytes = 0
  private var bodyBegan = NIODeadline.now()

  init(_ limits: GatewayLimits) {
    header = TimeAmount(limits.headerTimeout)
    body = TimeAmount(limits.bodyTimeout)
    idle = TimeAmount(limits.idleTimeout)
  }

  func handlerAdded(context: ChannelHandlerContext) { close(context, in: header) }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      heads += 1
      bodyBytes = 0
      bodyBegan = .now()
      watchBody(context)
    case .body(let part): bodyBytes += part.readableBytes
    case .end:
      ends += 1
      timer?.cancel()
      timer = nil
      if answers >= heads { close(context, in: idle) }
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      answers += 1
      if answers > ends {
        close(context, in: Self.lingering)
      } else if answers == heads {
        close(context, in: idle)
      }
    }
    context.write(data, promise: promise)
  }

  private func close(_ context: ChannelHandlerContext, in time: TimeAmount) {
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
  }

  private func watchBody(_ context: ChannelHandlerContext) {
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: body) {
      let seconds = (NIODeadline.now() - self.bodyBegan).nanoseconds / 1_000_000_000
      guard self.bodyBytes < Int(seconds) * Self.bytesPerSecond else { return self.watchBody(context) }
      context.close(promise: nil)
    }
  }
}
