/// What a server answered, read to its last byte. Before anything of it is shown it goes through `HTTPSession.hide`: it may repeat secrets.
public struct HTTPAnswer: Sendable {
  /// For example 200. Any status is an answer, not an error.
  public let status: Int
  /// In the order in which they came; names as the server wrote them.
  public let headers: [(name: String, value: String)]
  /// Without its content encoding.
  public let body: [UInt8]
  /// Bytes of the body as they came over the network, before decoding.
  public let receivedBytes: Int

  /// The first header of this name, in whatever case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  public var contentType: String? { header("content-type") }
}
