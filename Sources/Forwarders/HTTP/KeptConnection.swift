import AsyncHTTPClient
import NIOCore

/// Whether a request met a kept connection that the server was just closing, for example because its own idle time is the scrape interval. Such a
/// request may go once more over a new connection, as Go's client does it, too.
///
/// A reset, or an answer that broke off, is something else: the server may have stumbled over this very request.
enum KeptConnection {
  /// `error` is what the library threw before there was the head of an answer.
  static func wasClosed(by error: any Error, isCancelled: Bool) -> Bool {
    guard !isCancelled else { return false }
    return switch error {
    // The close came while the request was under way, or over HTTP/2 had come already when the request reached the connection.
    case let error as HTTPClientError: error == .remoteConnectionClosed || error == .cancelled
    // The same over HTTP/1.
    case ChannelError.ioOnClosedChannel: true
    default: false
    }
  }
}
