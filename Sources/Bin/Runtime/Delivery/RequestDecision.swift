import Codec
import Model

/// What happens next to a part of a request after the destination's answer: the program's only rule for retries, splitting and dead letters. A
/// value; randomness comes from outside.
struct RequestDecision: Sendable {
  /// How far a part may be cut down.
  enum Floor: Sendable, Equatable {
    case rows
    case series
  }

  /// What becomes of a part that cannot be cut down any further.
  enum End: Sendable, Equatable {
    case alreadyThere
    case deadLetter(reason: String)

    /// Whether the answer said that the rows are bad, and not that they are many or known.
    func isRefusal(of outcome: Outcome) -> Bool {
      switch (self, outcome) {
      case (.deadLetter, .refused), (.deadLetter, .conflict): true
      default: false
      }
    }
  }

  enum Step: Sendable, Equatable {
    /// The destination has the part.
    case settled(alreadyThere: Bool)
    /// The same again after a pause.
    case again(after: Duration)
    /// The first half at once, then the second; where that cannot be, the end.
    case split(downTo: Floor, orElse: End)
    case end(End)
  }

  private let limits: LaneLimits
  /// How far a part may be cut at most.
  private let deepest: Floor
  private var backoff: Backoff
  /// Requests that refusals have added.
  private(set) var added = 0

  /// `takesPartsOfRows`: false where the destination knows rows by their number, so that a part would be taken for the row.
  init(limits: LaneLimits, takesPartsOfRows: Bool = true) {
    self.limits = limits
    deepest = takesPartsOfRows ? .series : .rows
    backoff = Backoff(limits: limits)
  }

  /// `mayBeThere`: the part may have arrived with an earlier request whose answer nobody has seen. `random` is evenly spread over 0..<1.
  mutating func step(_ answer: Answer, mayBeThere: Bool, random: Double) -> Step {
    switch answer.outcome {
    case .delivered, .alreadyThere:
      backoff.succeed()
      return .settled(alreadyThere: answer.outcome == .alreadyThere)
    case .retry(let reason, let asked):
      if isFinal(answer.status) { return .end(.deadLetter(reason: reason)) }
      return .again(after: backoff.fail(asked: asked, random: random))
    case .misconfigured(let reason):
      if isFinal(answer.status) { return .end(.deadLetter(reason: reason)) }
      return .again(after: backoff.hold(random: random))
    case .tooLarge(let reason):
      backoff.succeed()
      if limits.refusals == .specification { return .end(.deadLetter(reason: reason)) }
      // Not counted: it says nothing against the rows, and there is an end to it.
      return .split(downTo: deepest, orElse: .deadLetter(reason: reason))
    case .refused(let reason):
      backoff.succeed()
      return refusal(reason)
    case .conflict(let reason):
      backoff.succeed()
      // Not counted either: each row is asked for at most twice, and none may be taken for one that is there by guess.
      return mayBeThere ? .split(downTo: .rows, orElse: .alreadyThere) : refusal(reason)
    }
  }

  /// Whether the specification forbids to send again what was answered with this status. A certificate that does not fit, or a folder that cannot
  /// be written, is no answer.
  private func isFinal(_ status: Int?) -> Bool {
    guard limits.refusals == .specification, let status else { return false }
    return (400...499).contains(status) && status != 429
  }

  /// A part was cut in two because it was refused.
  mutating func addRequests() { added += 2 }

  private func refusal(_ reason: String) -> Step {
    guard limits.refusals == .split, added + 2 <= limits.splitRequests else { return .end(.deadLetter(reason: reason)) }
    return .split(downTo: deepest, orElse: .deadLetter(reason: reason))
  }
}
