/// Follows redirects in thought: which request comes next, and whether credentials go along. Pure.
///
/// As Go's client, except that a request with a body goes on only where the server asks for the same request (307, 308): turned into a GET it
/// would be answered and its body lost.
struct Redirects: Sendable {
  private(set) var url: RequestURL
  /// False from the first other host on, also when a later redirect leads back.
  private(set) var isTrusted = true
  private let limit: Int
  private let start: RequestURL
  private var visited: Set<String>

  init(from url: RequestURL, limit: Int) {
    self.url = url
    start = url
    self.limit = limit
    visited = [url.text]
  }

  /// True when there is another request to make, to `url`.
  mutating func follow(status: Int, location: String?, hasBody: Bool) throws(HTTPError) -> Bool {
    let isRedirect = status == 307 || status == 308 || (!hasBody && [301, 302, 303].contains(status))
    guard isRedirect, limit > 0, let location, !location.isEmpty else { return false }
    let next: RequestURL
    do throws(HTTPError) {
      next = try url.following(location)
    } catch {
      throw HTTPError(.redirects, "\(start.authority) redirected elsewhere: \(error.description)")
    }
    guard visited.count <= limit else {
      throw HTTPError(.redirects, "\(start.authority) redirected too often, \(limit) times are allowed")
    }
    guard visited.insert(next.text).inserted else {
      throw HTTPError(.redirects, "\(start.authority) redirected in a circle")
    }
    isTrusted = isTrusted && start.trusts(next)
    url = next
    return true
  }
}
