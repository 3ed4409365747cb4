import NIOCore
import NIOHTTP1

/// Names the server in the request's first line, which is how a proxy is asked for what comes over plain HTTP. The library itself knows tunnels
/// (CONNECT) only, and many proxies open those to port 443 alone.
///
/// Source: RFC 9112, section 3.2.2.
final class AbsoluteForm: ChannelOutboundHandler {
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = HTTPClientRequestPart

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .head(var head) = unwrapOutboundIn(data), head.uri.hasPrefix("/"),
      let host = head.headers.first(name: "host")
    else {
      context.write(data, promise: promise)
      return
    }
    head.uri = "http://\(host)\(head.uri)"
    context.write(wrapOutboundOut(.head(head)), promise: promise)
  }

  /// Puts the handler where requests pass it on their way to the encoder.
  static let install: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
    channel.eventLoop.submit {
      let pipeline = channel.pipeline.syncOperations
      let encoder = try pipeline.handler(type: HTTPRequestEncoder.self)
      try pipeline.addHandler(AbsoluteForm(), position: .after(encoder))
    }
  }
}
