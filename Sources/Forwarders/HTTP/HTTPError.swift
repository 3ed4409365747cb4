/// Why there is no answer, in words for the person who has to mend it. Trying again may help with all but `badURL`.
public struct HTTPError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    case badURL
    case nameNotFound
    case refused
    case unreachable
    /// The request's timeout, or that of the connection.
    case timedOut
    case tls
    /// The connection broke off or the server closed it before its answer was whole.
    case reset
    case bodyTooLarge
    /// The body is not what its Content-Encoding says.
    case encoding
    /// What came is not HTTP.
    case protocolViolation
    case redirects
    /// A secret or certificate that the settings name cannot be read or used.
    case settings
    /// The caller's task was cancelled, and nothing else: that says nothing about the server.
    case cancelled
    case other
  }

  public let kind: Kind
  /// For example `connection refused by 127.0.0.1:9100`. Holds neither credentials nor the URL's query,
  /// and nothing secret that the server repeats.
  public let description: String
  /// Of a POST: its body had begun to be sent, so that the server may have taken it. False when there was no connection.
  public var mayHaveArrived = false

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
