import HTTP
import Model

/// What Loki's answer to a push means for the entries that were sent.
///
/// | answer | outcome |
/// |---|---|
/// | 2xx | delivered, but for 260 |
/// | 260, by which Loki says that it was told to take nothing from this tenant | misconfigured |
/// | 429, 408, 5xx | retry, after `Retry-After` where it can be read; a 5xx may have taken the entries, also one of a proxy |
/// | 413, the 500 with gRPC's "message larger than max", the 400 with these words or "message size too large", and a 429 for more bytes in one push than its limit lets through in a second | too large |
/// | 401, 403, 404, 405, 407, 415, a redirect that is not followed | misconfigured: it says nothing about the entries |
/// | 400 and 422 with "entry out of order" or "entry too far behind" | conflict |
/// | any other 4xx | refused: "timestamp too old" among them, as such entries may never have arrived |
///
/// Of a push with some bad entries Loki stores the good ones and answers 400. They are sent again when the push is split, and Loki drops what it has.
///
/// Source: grafana/loki, pkg/validation/validate.go and pkg/chunkenc/interface.go (facts only); https://grafana.com/docs/loki/latest/operations/request-validation-rate-limits/
enum LokiAnswer {
  static let blockedStatus = 260

  /// `entries`: how many the push had. `server` is host and port, for the reason; `hide` takes out of the server's words what is secret in them.
  static func answer(
    status: Int, header: (String) -> String?, body: [UInt8], server: String, entries: Int, now: UnixMilliseconds,
    hide: (String) -> String
  ) -> (outcome: Outcome, mayHaveArrived: Bool) {
    let words = AnswerText.excerpt(body, hide)
    let reason = "HTTP \(status) from \(server)" + (words.isEmpty ? "" : ": \(words)")
    // Loki tells one bad entry a line, so what counts may stand far behind.
    let text = AnswerText.clean(body.prefix(64 << 10)).lowercased()
    switch status {
    case blockedStatus: return (.misconfigured(reason: reason), false)
    // Of a 400 it is the HTTP server's own limit, of a 500 that of Loki's parts behind it.
    case 400 where isTooLarge(text), 500 where isTooLarge(text):
      return (.tooLarge(reason: reason), false)
    case 429 where entries > 1 && LokiRateLimit.isBelowOnePush(text): return (.tooLarge(reason: reason), false)
    case 400, 422:
      let isConflict = conflicts.contains { text.contains($0) }
      return (isConflict ? .conflict(reason: reason) : .refused(reason: reason), false)
    // What 409 and "too old sample" say is said of metrics.
    case 409: return (.refused(reason: reason), false)
    case 500:
      return (
        .retry(reason: reason, after: header("retry-after").flatMap { RetryAfter.parse($0, now: now) }), true
      )
    default:
      return RemoteWriteAnswer.answer(
        status: status, header: header, body: body, server: server, now: now, hide: hide)
    }
  }

  /// With the bracket before the numbers, so that a stream that is named in an error does not sound like it.
  private static func isTooLarge(_ text: String) -> Bool {
    ["message larger than max (", "message size too large than max ("].contains { text.contains($0) }
  }

  /// In lower case.
  private static let conflicts = ["entry out of order", "entry too far behind"]
}

/// Loki's words about its limits of bytes a second.
enum LokiRateLimit {
  /// Whether one push had more bytes than the limit lets through in a second, so that waiting alone may never help. `text` in lower case:
  ///
  ///     ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while attempting to ingest '9000' lines totaling '9000000' bytes, …
  ///     per stream rate limit exceeded (limit: 3mb/sec) while attempting to ingest for stream '{…}' totaling 5.2mb, …
  static func isBelowOnePush(_ text: String) -> Bool {
    guard let limit = bytes(behind: "(limit: ", in: text), let total = bytes(behind: "totaling ", in: text) else {
      return false
    }
    return total > limit
  }

  private static func bytes(behind words: String, in text: String) -> Double? {
    guard let found = text.range(of: words) else { return nil }
    let rest = text[found.upperBound...].drop { $0 == "'" }
    let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let number = Double(digits) else { return nil }
    let unit = rest[digits.endIndex...].drop { $0 == "'" || $0 == " " }.prefix { $0.isLetter }
    switch unit {
    case "b", "bytes": return number
    case "kb": return number * 1024
    case "mb": return number * 1_048_576
    case "gb": return number * 1_073_741_824
    default: return nil
    }
  }
}

extension String {
  /// Where the text stands first.
  fileprivate func range(of other: String) -> Range<Index>? { ranges(of: other).first }
}
