import GRPCCore
import HTTP
import Model

/// What it means for the rows that a gateway did not answer as it should.
///
/// | gRPC status | outcome |
/// |---|---|
/// | UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED | misconfigured |
/// | INVALID_ARGUMENT | refused |
/// | RESOURCE_EXHAUSTED whose text speaks of the message's size | too large |
/// | all others, UNKNOWN among them, which the original answers when its storage fails | retry |
///
/// | HTTP status | outcome |
/// |---|---|
/// | 400, 422 | refused |
/// | 413 | too large |
/// | 401, 403, 404, 405, 407, 415, a redirect, other 4xx | misconfigured |
/// | 408, 429, 5xx, everything else | retry, after `Retry-After` |
enum GatewayAnswer {
  static func outcome(of error: RPCError, from server: String, hide: (String) -> String) -> Outcome {
    let words = AnswerText.excerpt(Array(error.message.utf8), hide)
    let reason = "gRPC status \(error.code) from \(server)" + (words.isEmpty ? "" : ": \(words)")
    switch error.code {
    case .unauthenticated, .permissionDenied, .unimplemented: return .misconfigured(reason: reason)
    case .invalidArgument: return .refused(reason: reason)
    case .resourceExhausted where speaksOfSize(words): return .tooLarge(reason: reason)
    default: return .retry(reason: reason, after: nil)
    }
  }

  /// grpc-go: "grpc: received message larger than max (5000000 vs. 4194304)". grpc-swift: "Message has exceeded the configured maximum payload size (max: …".
  /// grpc-java: "gRPC message exceeds maximum size 4194304: 5000000".
  /// Clymene: "the message has 50000000 bytes, at most 33554432; less at once may be taken".
  private static func speaksOfSize(_ words: String) -> Bool {
    let words = words.lowercased()
    return words.contains("larger than max") || words.contains("less at once")
      || words.contains("exceed") && words.contains("size")
  }

  static func outcome(
    ofStatus status: Int, _ header: (String) -> String?, body: [UInt8], from server: String, now: UnixMilliseconds,
    hide: (String) -> String
  ) -> Outcome {
    let words = AnswerText.excerpt(body, hide)
    let reason = "HTTP \(status) from \(server)" + (words.isEmpty ? "" : ": \(words)")
    switch status {
    case 200...299: return .delivered
    case 400, 422: return .refused(reason: reason)
    case 413: return .tooLarge(reason: reason)
    case 408, 429: break
    case 300...499: return .misconfigured(reason: reason)
    default: break
    }
    return .retry(reason: reason, after: header("retry-after").flatMap { RetryAfter.parse($0, now: now) })
  }

  /// Having no connection: a matter of settings, or of time.
  static func outcome(of error: HTTPError) -> Outcome {
    switch error.kind {
    case .badURL, .tls, .redirects, .settings: .misconfigured(reason: error.description)
    default: .retry(reason: error.description, after: nil)
    }
  }
}
