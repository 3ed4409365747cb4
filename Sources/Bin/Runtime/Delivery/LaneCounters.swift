import Codec
import Model

/// What a lane has done since the start, and how it stands. One struct: metrics, status page and tests read the same.
public struct LaneCounters: Sendable, Equatable {
  /// How a request ended, as the label `outcome` names it.
  public enum Result: String, Sendable, CaseIterable {
    case delivered
    case alreadyThere = "already_there"
    case retry
    case tooLarge = "too_large"
    case misconfigured
    case refused
    case conflict

    init(_ outcome: Outcome) {
      switch outcome {
      case .delivered: self = .delivered
      case .alreadyThere: self = .alreadyThere
      case .retry: self = .retry
      case .tooLarge: self = .tooLarge
      case .misconfigured: self = .misconfigured
      case .refused: self = .refused
      case .conflict: self = .conflict
      }
    }
  }

  public var requests: [Result: Int] = [:]
  public var deliveredRows = 0
  /// Samples and entries in these rows.
  public var deliveredEntries = 0
  /// Rows that the destination turned out to have already.
  public var alreadyThereRows = 0
  /// Rows that the destination refused for good, and that lie in the dead letters now.
  public var deadLetterRows = 0
  /// Requests that only had to be made because others were refused or too large.
  public var splitRequests = 0
  /// Requests under way.
  public var inFlight = 0
  /// Bytes of requests as they went to the destination, retries included.
  public var sentBytes = 0
  public var deliveredBlocks = 0
  /// Sealed blocks' bytes, as they lie in the log.
  public var deliveredBytes = 0
  /// Time spent waiting for the destination's answers.
  public var requestTime = Duration.zero
  /// Times that the lane gave up on reading the log and tried again.
  public var readErrors = 0
  public var failuresInARow = 0
  /// Set while only a person can help.
  public var alarm: String?
  public var lastError: String?
  public var lastErrorAt: UnixMilliseconds?
  public var lastDeliveryAt: UnixMilliseconds?
  /// The oldest sample or entry of what the lane has in hand; nil while nothing waits.
  public var oldestWaiting: UnixMilliseconds?

  public init() {}

  /// Counts one answer.
  mutating func note(_ answer: Answer, _ step: RequestDecision.Step, at now: UnixMilliseconds) {
    guard answer.isFromDestination else { return }
    requests[.init(answer.outcome), default: 0] += 1
    sentBytes += answer.sentBytes
    switch answer.outcome {
    case .delivered, .alreadyThere:
      failuresInARow = 0
      alarm = nil
      lastDeliveryAt = now
      return
    case .retry(let reason, _):
      failuresInARow += 1
      alarm = nil
      lastError = reason
    case .misconfigured(let reason):
      failuresInARow += 1
      if case .again = step { alarm = "the destination does not let us in: \(reason)" }
      lastError = reason
    case .tooLarge(let reason), .refused(let reason), .conflict(let reason):
      // An answer about the rows: the destination is there.
      failuresInARow = 0
      alarm = nil
      if step == .end(.alreadyThere) || step == .split(downTo: .rows, orElse: .alreadyThere) { return }
      lastError = reason
    }
    lastErrorAt = now
  }

  /// Age of the oldest row that waits; nil when none does.
  public func waitingSeconds(now: UnixMilliseconds) -> Double? {
    oldestWaiting.map { max(0, $0.seconds(until: now)) }
  }
}
