import Logging
import Model

/// How log lines look on standard error.
public enum LogFormat: String, Sendable, CaseIterable {
  /// One JSON object a line: `{"ts":"…","level":"info","logger":"clymene","msg":"…",…}`.
  case json
  /// For people: `09:30:00.123 info  the text  key=value`.
  case text

  /// One line without its end. Metadata keys come in the order of their names.
  static func jsonLine(
    time: UnixMilliseconds, level: Logger.Level, label: String, message: String, metadata: [(String, String)]
  ) -> String {
    var line = "{\"ts\":\"\(RFC3339.format(time))\",\"level\":\"\(level.rawValue)\",\"logger\":"
    line += JSONText.quoted(label) + ",\"msg\":" + JSONText.quoted(message)
    for (key, value) in metadata { line += ",\(JSONText.quoted(key)):\(JSONText.quoted(value))" }
    return line + "}"
  }

  static func textLine(
    time: UnixMilliseconds, level: Logger.Level, label: String, message: String, metadata: [(String, String)]
  ) -> String {
    let clock = RFC3339.format(time).dropFirst(11).dropLast().prefix(12)
    let name = level.rawValue + String(repeating: " ", count: max(0, 9 - level.rawValue.count))
    let pairs = metadata.map { " \($0.0)=\($0.1.contains(" ") ? JSONText.quoted($0.1) : $0.1)" }.joined()
    return plain("\(clock) \(name)\(message)\(pairs)")
  }

  /// A line break must not look like a line of its own, nor a control character steer a terminal.
  private static func plain(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case _ where scalar == "\n": result.append(contentsOf: "\n    ".unicodeScalars)
      case .control, .lineSeparator, .paragraphSeparator:
        result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}

/// Strings as JSON writes them.
enum JSONText {
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
