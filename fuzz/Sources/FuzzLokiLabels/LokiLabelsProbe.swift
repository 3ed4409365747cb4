import Wire

/// Label texts of log streams: what was read is written so that the same is read again, and written the same again.
public enum LokiLabelsProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    guard let labels = try? LokiLabels.parse(bytes) else { return false }
    let text = LokiLabels.text(of: labels, keepingTenant: true)
    guard let again = try? LokiLabels.parse(text) else { preconditionFailure("what was written cannot be read") }
    precondition(again == labels, "other labels came the second time")
    precondition(LokiLabels.text(of: again, keepingTenant: true) == text, "another text came the second time")
    return true
  }
}
