/// Why a request is not taken, in the terms of no protocol. The servers put it into theirs.
struct Refusal: Error, Equatable {
  enum Kind: String, CaseIterable {
    /// It is not what the protocol says: again is no help.
    case invalid
    /// Who sent it is not known.
    case unauthenticated
    /// A limit for one request: less at once may be taken.
    case tooLarge = "too_large"
    /// A limit for the sender's rate or series: later.
    case tooMuch = "too_much"
    /// The log is full, the gateway busy or stopping: later.
    case unavailable
    /// Content-Type or Content-Encoding.
    case unsupported
    /// The path is another role's, or nobody's.
    case notFound = "not_found"
    case wrongMethod = "wrong_method"
  }

  var kind: Kind
  /// What, where, the numbers seen and allowed, and whether trying again helps.
  var reason: String
  /// With `tooMuch` and `unavailable`.
  var retryAfter: Duration?

  init(_ kind: Kind, _ reason: String, retryAfter: Duration? = nil) {
    self.kind = kind
    self.reason = reason
    self.retryAfter = retryAfter
  }

  /// Whole seconds for a header, at least one; nil when there is nothing to say.
  var retryAfterSeconds: Int64? {
    guard kind == .tooMuch || kind == .unavailable else { return nil }
    let wanted = retryAfter ?? .seconds(1)
    return max(1, wanted.components.seconds + (wanted.components.attoseconds > 0 ? 1 : 0))
  }
}
