/// The history as JSON: one list a figure, oldest first, null where there is no value.
enum HistoryJSON {
  static func text(_ history: History) -> String {
    let end = history.endTime.map { JSONText.quoted(RFC3339.format($0)) } ?? "null"
    let figures = History.Figure.allCases.map { list($0.rawValue, history.ring($0)) }
    let forwarders = history.forwarders.map { name in
      let figures = History.ForwarderFigure.allCases.map { list($0.rawValue, history.ring($0, of: name)) }
      return "{\"name\":\(JSONText.quoted(name)),\(figures.joined(separator: ","))}"
    }
    return "{\"step_seconds\":\(Int(History.stepSeconds)),\"end\":\(end),\(figures.joined(separator: ",")),"
      + "\"forwarders\":[\(forwarders.joined(separator: ","))]}\n"
  }

  private static func list(_ name: String, _ ring: HistoryRing) -> String {
    "\"\(name)\":[" + ring.values.map(number).joined(separator: ",") + "]"
  }

  /// The shortest text that reads as the same value.
  private static func number(_ value: Float) -> String {
    guard value.isFinite else { return "null" }
    return Int32(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
