import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension HTTPError {
  /// Puts into words what the client library throws. `server` is host and port as the user wrote them; `isCancelled` is whether the caller's
  /// task was cancelled.
  init(describing error: any Error, server: String, connectTimeout: Duration, isCancelled: Bool) {
    switch error {
    case let error as HTTPError:
      self = error
    case let error as HTTPClientError where error == .cancelled && !isCancelled:
      // The library's word also for a connection (HTTP/2) that was being closed when the request came to it.
      self.init(.reset, "\(server) closed the connection before its answer was whole")
    case let error as HTTPClientError:
      self.init(client: error, server: server, connectTimeout: connectTimeout)
    case let error as NIOConnectionError:
      self.init(connection: error, server: server)
    case let error as IOError:
      self.init(errno: error.errnoCode, server: server)
    case is CancellationError:
      self.init(.cancelled, "the request was cancelled")
    case ChannelError.connectTimeout(_):
      self.init(.timedOut, "no connection to \(server) within \(connectTimeout)")
    case is ChannelError:
      self.init(.reset, "\(server) closed the connection before its answer was whole")
    case let error as HTTPParserError:
      self.init(parser: error, server: server)
    case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])), NIOSSLError.uncleanShutdown:
      self.init(.reset, "\(server) closed the connection while TLS was being agreed on")
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
      self.init(.tls, "TLS with \(server) failed: \(error)")
    default:
      self.init(.other, "request to \(server) failed: \(error)")
    }
  }

  private init(client error: HTTPClientError, server: String, connectTimeout: Duration) {
    switch error {
    case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath:
      self.init(.badURL, "not a URL for a request: \(error.shortDescription.lowercased())")
    case .connectTimeout, .getConnectionFromPoolTimeout:
      self.init(.timedOut, "no connection to \(server) within \(connectTimeout)")
    case .tlsHandshakeTimeout:
      // Nothing is wrong with TLS: the line is slow, or the server hangs.
      self.init(.timedOut, "TLS with \(server) was not ready within its time")
    case .remoteConnectionClosed:
      self.init(.reset, "\(server) closed the connection before its answer was whole")
    case .uncleanShutdown:
      self.init(.reset, "\(server) closed the TLS connection without saying so, the answer may be cut")
    case .proxyAuthenticationRequired:
      self.init(.settings, "the proxy wants other credentials for \(server)")
    case .invalidProxyResponse:
      self.init(.unreachable, "the proxy does not connect to \(server)")
    case .httpProxyHandshakeTimeout:
      self.init(.timedOut, "the proxy did not connect to \(server) within \(connectTimeout)")
    case .cancelled:
      self.init(.cancelled, "the request was cancelled")
    default:
      let text = error.shortDescription
      self.init(
        text == "Unsupported scheme" ? .badURL : .other, "request to \(server) failed: \(text.lowercased())")
    }
  }

  private init(connection error: NIOConnectionError, server: String) {
    for failure in error.connectionErrors {
      if let system = failure.error as? IOError {
        self.init(errno: system.errnoCode, server: server)
        return
      }
      if case ChannelError.connectTimeout(let amount)? = failure.error as? ChannelError {
        self.init(.timedOut, "no connection to \(server) within \(amount.nanoseconds / 1_000_000) ms")
        return
      }
    }
    if error.connectionErrors.isEmpty, error.dnsAError != nil || error.dnsAAAAError != nil {
      self.init(.nameNotFound, "the name of \(server) is not known")
    } else {
      self.init(.unreachable, "no connection to \(server)")
    }
  }

  private init(errno code: CInt, server: String) {
    switch code {
    case ECONNREFUSED: self.init(.refused, "connection refused by \(server)")
    case ECONNRESET, EPIPE, ECONNABORTED: self.init(.reset, "connection reset by \(server)")
    case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN: self.init(.unreachable, "no route to \(server)")
    case ETIMEDOUT: self.init(.timedOut, "\(server) did not answer the connection")
    default: self.init(.other, "request to \(server) failed: \(String(cString: strerror(code)))")
    }
  }

  private init(parser error: HTTPParserError, server: String) {
    if error == .invalidEOFState {
      self.init(.reset, "\(server) closed the connection before its answer was whole")
    } else {
      self.init(.protocolViolation, "what \(server) answered is not HTTP: \(error)")
    }
  }
}
