import struct FoundationEssentials.URL

/// A URL that can be asked for over HTTP, taken apart.
struct RequestURL: Sendable, Hashable {
  /// Without brackets, as it was written.
  let host: String
  let port: Int
  let isTLS: Bool
  /// Without credentials and fragment.
  let text: String
  /// Path and query as the request's first line has them; begins with `/`.
  let pathAndQuery: String
  let username: String?
  let password: Secret?

  /// Host and port as they stand in a `Host` header: the port only where it is not the scheme's own.
  var authority: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return port == (isTLS ? 443 : 80) ? host : "\(host):\(port)"
  }

  init(_ text: String) throws(HTTPError) {
    func refused(_ reason: String) -> HTTPError { HTTPError(.badURL, "not a URL for a request: \(reason)") }
    guard let url = URL(string: text) else { throw refused("it cannot be read") }
    try self.init(url)
  }

  /// `location` of a redirect, which may be relative to this one.
  func following(_ location: String) throws(HTTPError) -> RequestURL {
    guard let base = URL(string: text), let url = URL(string: location, relativeTo: base) else {
      throw HTTPError(.badURL, "\(authority) redirected to what is not a URL")
    }
    return try RequestURL(url.absoluteURL)
  }

  private init(_ url: URL) throws(HTTPError) {
    func refused(_ reason: String) -> HTTPError { HTTPError(.badURL, "not a URL for a request: \(reason)") }
    guard let scheme = url.scheme?.lowercased() else { throw refused("it has no scheme, as http://") }
    guard scheme == "http" || scheme == "https" else { throw refused("the scheme is neither http nor https") }
    guard var host = url.host(percentEncoded: false), !host.isEmpty else { throw refused("it has no host") }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    isTLS = scheme == "https"
    self.host = host
    port = url.port ?? (isTLS ? 443 : 80)
    guard (1...65535).contains(port) else { throw refused("the port is a number up to 65535") }
    let path = url.path(percentEncoded: true)
    var pathAndQuery = path.hasPrefix("/") ? path : "/" + path
    if let query = url.query(percentEncoded: true) { pathAndQuery += "?" + query }
    self.pathAndQuery = pathAndQuery
    username = url.user(percentEncoded: false)
    password = url.password(percentEncoded: false).map { .text($0) }
    let bracketed = host.contains(":") ? "[\(host)]" : host
    text = "\(scheme)://\(bracketed)\(url.port.map { ":\($0)" } ?? "")\(pathAndQuery)"
  }

  /// Whether credentials for this server may go to that one, too: it is the same, or it is this host with TLS where this one has none. There
  /// the port does not count: who could answer in this server's place has read the credentials already. Another port with TLS is
  /// another service, often somebody else's.
  func trusts(_ other: RequestURL) -> Bool {
    guard host.lowercased() == other.host.lowercased() else { return false }
    return isTLS == other.isTLS ? port == other.port : other.isTLS
  }
}
