import AsyncHTTPClient
import Glibc
import NIOCore
import Testing

@testable import HTTP

@Suite
struct `The race with a server that closes` {
  private func kind(_ error: any Error, isCancelled: Bool) -> HTTPError.Kind {
    HTTPError(describing: error, server: "a:1", connectTimeout: .seconds(1), isCancelled: isCancelled).kind
  }

  @Test
  func `The library's cancelled is the caller's only where the caller was cancelled`() {
    #expect(kind(HTTPClientError.cancelled, isCancelled: false) == .reset)
    #expect(kind(HTTPClientError.cancelled, isCancelled: true) == .cancelled)
    #expect(kind(CancellationError(), isCancelled: true) == .cancelled)
  }

  @Test
  func `A request may go once more when the connection was closed before its answer`() {
    let races: [any Error] = [
      HTTPClientError.remoteConnectionClosed, HTTPClientError.cancelled, ChannelError.ioOnClosedChannel,
    ]
    for error in races {
      #expect(KeptConnection.wasClosed(by: error, isCancelled: false), "\(error)")
      #expect(!KeptConnection.wasClosed(by: error, isCancelled: true), "\(error)")
    }
  }

  @Test
  func `It may not when the server stumbled, or cannot be reached at all`() {
    let others: [any Error] = [
      IOError(errnoCode: ECONNRESET, reason: "read"), HTTPClientError.readTimeout, HTTPClientError.connectTimeout,
      ChannelError.eof, CancellationError(),
    ]
    for error in others { #expect(!KeptConnection.wasClosed(by: error, isCancelled: false), "\(error)") }
  }
}
