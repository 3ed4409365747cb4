import Foundation

/// Numbers as people read them.
enum Figures {
  /// `1,234,567`.
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = String(number.magnitude)
    guard digits.utf8.count > 3 else { return String(number) }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return (number < 0 ? "-" : "") + result
  }

  /// About three digits: `0.2`, `12.5`, `1,234`; `0.001` for less. `–` for what is no number.
  static func short(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e18 else { return "–" }
    if value.magnitude >= 100 { return grouped(Int(value.rounded())) }
    let step = value.magnitude >= 10 ? 10.0 : value.magnitude >= 1 ? 100 : 1000
    let rounded = (value * step).rounded() / step
    if rounded == 0, value != 0 { return value < 0 ? "-0.001" : "0.001" }
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// With a binary unit: `512 B`, `1.5 MiB`, `10 GiB`. `–` for what is no number.
  static func bytes(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    var (amount, unit) = (value, "B")
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB"] where amount.magnitude >= 1023.5 {
      (amount, unit) = (amount / 1024, larger)
    }
    if unit == "B" { return "\(short(amount.rounded())) B" }
    let tenths = (amount * 10).rounded() / 10
    return amount >= 100 || tenths == tenths.rounded() ? "\(short(amount.rounded())) \(unit)" : "\(tenths) \(unit)"
  }

  static func bytes(_ value: some BinaryInteger) -> String { bytes(Double(value)) }

  /// Two significant units at most: `1.2 ms`, `4.5 s`, `3 min 20 s`, `2 d 4 h`.
  static func span(_ seconds: Double) -> String {
    func tenths(_ value: Double) -> String {
      let rounded = (value * 10).rounded()
      return rounded.truncatingRemainder(dividingBy: 10) == 0 ? "\(Int(rounded / 10))" : "\(rounded / 10)"
    }
    guard seconds.isFinite, seconds.magnitude < 1e12 else { return "–" }
    if seconds < 0 { return "-" + span(-seconds) }
    if seconds == 0 { return "0 s" }
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

  /// An estimate: one unit, two digits: `about 3 h`, `about 12 d`, `more than a year`.
  static func about(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "–" }
    if seconds < 1 { return "less than 1 s" }
    for (size, unit) in [(86_400.0, "d"), (3600, "h"), (60, "min")] where seconds >= 2 * size {
      if unit == "d", seconds > 365 * size { return "more than a year" }
      return "about \(Int((seconds / size).rounded())) \(unit)"
    }
    return "about \(Int(min(seconds, 120).rounded())) s"
  }
}
