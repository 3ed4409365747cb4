/// A destination's answer to one request, as far as the lane has to know. A forwarder returns it; only the lane acts on it.
public enum Outcome: Sendable, Equatable {
  /// The destination has it, durably as far as it says.
  case delivered
  /// The destination had it before this request.
  case alreadyThere
  /// Not now: the lane waits and sends the same again. `after` is what the destination asked for, if it did.
  case retry(reason: String, after: Duration?)
  /// The request was too large (413): the lane sends less at once.
  case tooLarge(reason: String)
  /// It says nothing about the data (401, 403, 404, a wrong certificate): the lane holds, retries slowly and raises an alarm.
  case misconfigured(reason: String)
  /// Refused for good: the lane splits down to what is at fault and puts that into dead letters with this answer.
  case refused(reason: String)
  /// Refused because the destination has these rows or newer ones: out of order, duplicate, too old. For rows that may have been sent before
  /// it means that they are there; for others it is a refusal.
  case conflict(reason: String)
}
