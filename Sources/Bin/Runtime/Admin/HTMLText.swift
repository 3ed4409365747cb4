/// Text for a HTML page.
enum HTMLText {
  /// Safe between tags and inside quoted attributes.
  static func escape(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Control characters have no place in HTML.
      case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `1,234,567`.
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = String(number.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return (number < 0 ? "-" : "") + result
  }

  /// Two significant units at most: `1.2 ms`, `4.5 s`, `3 min 20 s`, `2 d 4 h`.
  static func span(_ seconds: Double) -> String {
    func tenths(_ value: Double) -> String {
      let rounded = (value * 10).rounded()
      return rounded.truncatingRemainder(dividingBy: 10) == 0 ? "\(Int(rounded / 10))" : "\(rounded / 10)"
    }
    guard seconds.isFinite, seconds < 1e12 else { return "–" }
    if seconds < 0 { return "-" + span(-seconds) }
    if seconds < 0.9995 { return tenths(seconds * 1000) + " ms" }
    if seconds < 59.95 { return tenths(seconds) + " s" }
    let whole = Int(seconds.rounded())
    func pair(_ large: Int, _ largeUnit: String, _ small: Int, _ smallUnit: String) -> String {
      small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
    }
    if whole < 3600 { return pair(whole / 60, "min", whole % 60, "s") }
    if whole < 86_400 { return pair(whole / 3600, "h", whole % 3600 / 60, "min") }
    return pair(whole / 86_400, "d", whole % 86_400 / 3600, "h")
  }
}
