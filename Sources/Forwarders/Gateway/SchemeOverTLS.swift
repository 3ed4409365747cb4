import NIOCore
import NIOHPACK
import NIOHTTP2

/// Says in a request's headers that it comes over TLS.
///
/// The library writes `http` for each connection that it has not opened itself; a server or proxy may refuse, or redirect, a request whose `:scheme` is
/// not that of its connection. Stands in a stream's channel, next to the connection.
///
/// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Scheme), RFC 9113 section 8.3.1.
final class SchemeOverTLS: ChannelOutboundHandler {
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .headers(var request) = unwrapOutboundIn(data), request.headers.contains(name: ":scheme") else {
      context.write(data, promise: promise)
      return
    }
    // Pseudo-headers have to stay in front.
    var headers = HPACKHeaders()
    for (name, value, indexing) in request.headers {
      headers.add(name: name, value: name == ":scheme" ? "https" : value, indexing: indexing)
    }
    request.headers = headers
    context.write(wrapOutboundOut(.headers(request)), promise: promise)
  }
}
