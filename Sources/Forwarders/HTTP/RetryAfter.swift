import Model

/// How long a server asks to be left alone.
public enum RetryAfter {
  /// What a `Retry-After` header says: whole seconds, or a date, which counts from `now` and is zero once it has passed. Nil for anything else.
  ///
  /// Source: RFC 9110, sections 10.2.3 and 5.6.7 (all three forms of a date).
  public static func parse(_ text: String, now: UnixMilliseconds) -> Duration? {
    let text = trimmed(text)
    if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
      // More seconds than fit are still a number: as long as anybody may ask for.
      return .seconds(min(Int(text) ?? .max, 10_000_000_000))
    }
    guard let seconds = HTTPDate.parse(text) else { return nil }
    return .milliseconds(max(0, seconds * 1000 - now.rawValue))
  }

  private static func trimmed(_ text: String) -> Substring {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return text[first...last]
  }
}

/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT`, and the two forms of old that a recipient has to know, `Sunday, 06-Nov-94 08:49:37 GMT`
/// and `Sun Nov  6 08:49:37 1994`.
enum HTTPDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Seconds since 1970, or nil when it is no date. The day of the week is not checked.
  static func parse(_ text: Substring) -> Int64? {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "-" }).map(String.init)
    switch words.count {
    case 6 where words[0].hasSuffix(",") && words[5] == "GMT":
      guard var year = number(words[3]) else { return nil }
      // Two digits are of this century, as the form is not written any more.
      if words[3].utf8.count == 2 { year += 2000 }
      return seconds(year, words[2], words[1], words[4])
    case 5:
      guard let year = number(words[4]) else { return nil }
      return seconds(year, words[1], words[2], words[3])
    default: return nil
    }
  }

  private static func number(_ text: String) -> Int64? {
    guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return Int64(text)
  }

  private static func seconds(_ year: Int64, _ month: String, _ day: String, _ clock: String) -> Int64? {
    let parts = clock.split(separator: ":", omittingEmptySubsequences: false).map { number(String($0)) }
    guard let month = months.firstIndex(of: month), let day = number(day), (1...31).contains(day), parts.count == 3,
      let hour = parts[0], let minute = parts[1], let second = parts[2], hour < 24, minute < 60, second <= 60
    else { return nil }
    return days(year, Int64(month) + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// Days since 1970-01-01 in the Gregorian calendar. Source: Howard Hinnant, chrono-compatible low-level date algorithms, days_from_civil.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let ofEra = year - era * 400
    let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
  }
}
