import HTTP
import Model

/// What a receiver's answer to remote write means for the rows that were sent.
///
/// | answer | outcome |
/// |---|---|
/// | 2xx | delivered |
/// | 429, 408, 5xx | retry, after `Retry-After` where it can be read; a 5xx may have taken the rows, also one of a proxy |
/// | 413 | too large |
/// | 401, 403, 404, 405, 407, 415, a redirect that is not followed | misconfigured: it says nothing about the rows |
/// | 400, 409, 422 whose text says that these rows or newer ones are there; see ``ConflictWords`` | conflict |
/// | any other 4xx, and the 500 by which Prometheus before 2.50 says "too old sample" | refused |
///
/// Source: https://prometheus.io/docs/specs/prw/remote_write_spec/, "Retries & Backoff"; a 408 says that the request did not arrive whole.
enum RemoteWriteAnswer {
  /// `server` is host and port, for the reason; `hide` takes out of the server's words what is secret in them.
  static func answer(
    status: Int, header: (String) -> String?, body: [UInt8], server: String, now: UnixMilliseconds,
    hide: (String) -> String
  ) -> (outcome: Outcome, mayHaveArrived: Bool) {
    let words = AnswerText.excerpt(body, hide)
    let reason = "HTTP \(status) from \(server)" + (words.isEmpty ? "" : ": \(words)")
    func retry(mayHaveArrived: Bool) -> (Outcome, Bool) {
      (
        .retry(reason: reason, after: header("retry-after").flatMap { RetryAfter.parse($0, now: now) }),
        mayHaveArrived
      )
    }
    switch status {
    case 200...299: return (.delivered, false)
    case 300...399:
      let to = header("location").map { " It redirects to \(AnswerText.address($0, hide))." } ?? ""
      return (.misconfigured(reason: reason + to), false)
    case 401, 403, 404, 405, 407, 415: return (.misconfigured(reason: reason), false)
    case 408, 429: return retry(mayHaveArrived: false)
    case 413: return (.tooLarge(reason: reason), false)
    case 400, 409, 422:
      let isConflict = ConflictWords.areIn(AnswerText.clean(body.prefix(64 << 10)), status: status)
      return (isConflict ? .conflict(reason: reason) : .refused(reason: reason), false)
    case 400...499: return (.refused(reason: reason), false)
    case 500 where ConflictWords.isOldPrometheusTooOld(words): return (.refused(reason: reason), false)
    default: return retry(mayHaveArrived: true)
    }
  }

  /// What having no answer means. Also what is a matter of settings may come behind the body, as a TLS alert may.
  static func answer(_ error: HTTPError) -> (outcome: Outcome, mayHaveArrived: Bool) {
    switch error.kind {
    case .badURL, .tls, .redirects, .settings: (.misconfigured(reason: error.description), error.mayHaveArrived)
    default: (.retry(reason: error.description, after: nil), error.mayHaveArrived)
    }
  }
}

/// A server's words for people: no control characters, no more than they can read.
enum AnswerText {
  static let limitCharacters = 500

  /// The first 500 characters. Secrets are hidden before it is cut, so that none is cut in two.
  static func excerpt(_ body: [UInt8], _ hide: (String) -> String) -> String {
    // Four bytes a character, some that are cleaned away, and long secrets.
    let start = hide(String(decoding: body.prefix(limitCharacters * 16), as: UTF8.self))
    return String(clean(start.utf8).prefix(limitCharacters))
  }

  /// Text without control characters; runs of blanks become one.
  static func clean(_ bytes: some Collection<UInt8>) -> String {
    let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: Character(" ")
      default: Character(scalar)
      }
    }
    return text.split(whereSeparator: { $0 == " " }).map { String($0) }.joined(separator: " ")
  }

  /// A URL without what may be secret in it: the query and credentials.
  static func address(_ url: String, _ hide: (String) -> String) -> String {
    let path = String(excerpt(Array(url.utf8), hide).prefix { $0 != "?" && $0 != "#" })
    guard let (scheme, authority, rest) = parts(path) else { return path }
    return "\(scheme)://\(authority.split(separator: "@").last ?? "")\(rest)"
  }

  /// Host and port as they stand in the URL.
  static func server(of url: String) -> String {
    String(parts(url)?.authority.split(separator: "@").last ?? "")
  }

  private static func parts(_ url: String) -> (scheme: Substring, authority: Substring, rest: Substring)? {
    let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let authority = parts[1].prefix { !"/?#".contains($0) }
    return (parts[0], authority, parts[1].dropFirst(authority.count))
  }
}
