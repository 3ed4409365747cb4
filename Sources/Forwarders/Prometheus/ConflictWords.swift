/// The texts by which receivers say that they have a sample already, or newer ones of its series.
///
/// A sample that is too old for the receiver as a whole ("out of bounds", "too old sample", "too far in the past") is not among them: that says nothing
/// about whether it is there. During an outage behind a proxy that answers 502 it never was.
enum ConflictWords {
  /// In lower case, any of them anywhere in the text.
  private static let phrases = [
    // Prometheus, storage/interface.go: "out of order sample", "duplicate sample for timestamp". Cortex and Thanos pass them on. With values:
    // "duplicate sample for timestamp 1700000000000; overrides not allowed: …".
    "out of order", "duplicate sample",
    // Mimir, pkg/ingester/errors.go: "because another sample with a more recent timestamp has already been ingested and out-of-order samples are not
    // allowed (err-mimir-sample-out-of-order)", "because another sample with the same timestamp, but a different value, has already been ingested
    // (err-mimir-sample-duplicate-timestamp)".
    "has already been ingested", "sample-out-of-order", "sample-duplicate-timestamp",
    "out-of-order samples are not allowed",
  ]

  /// Whether an answer of 400, 409 or 422 is about rows that the server has. Thanos answers 409 with "conflict" where the reason got lost between its
  /// parts; InfluxDB's "field type conflict" is about something else.
  static func areIn(_ text: String, status: Int) -> Bool {
    let text = text.lowercased()
    if phrases.contains(where: { text.contains($0) }) { return true }
    return status == 409 && text.contains("conflict") && !text.contains("type conflict")
  }

  /// Prometheus before 2.50 answers 500 to a sample past its out-of-order window, which no retry would ever mend.
  static func isOldPrometheusTooOld(_ text: String) -> Bool { text == "too old sample" }
}
