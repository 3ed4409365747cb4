import Model

/// Points in time as RFC 3339 writes them: `2026-11-23T09:30:00Z`, `2026-11-23T10:30:00.25+01:00`.
public enum RFC3339 {
  /// Nil for anything else. Digits past the millisecond are cut off; a leap second counts as the second after it.
  public static func parse(_ text: String) -> UnixMilliseconds? {
    let bytes = Array(text.utf8)
    func number(_ at: Int, _ digits: Int) -> Int? {
      guard at + digits <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[at..<at + digits] {
        guard byte >= 48, byte <= 57 else { return nil }
        value = value * 10 + Int(byte - 48)
      }
      return value
    }
    func has(_ character: Character, at: Int) -> Bool {
      at < bytes.count && bytes[at] == character.asciiValue
    }
    guard let year = number(0, 4), has("-", at: 4), let month = number(5, 2), has("-", at: 7), let day = number(8, 2),
      has("T", at: 10) || has("t", at: 10) || has(" ", at: 10), let hour = number(11, 2), has(":", at: 13),
      let minute = number(14, 2), has(":", at: 16), let second = number(17, 2)
    else { return nil }
    guard (1...12).contains(month), day >= 1, day <= daysIn(month: month, year: year), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    var at = 19
    var milliseconds = 0
    if has(".", at: at) {
      let fraction = bytes[(at + 1)...].prefix { $0 >= 48 && $0 <= 57 }
      guard !fraction.isEmpty else { return nil }
      for position in 0..<3 {
        let digit = position < fraction.count ? Int(fraction[fraction.startIndex + position] - 48) : 0
        milliseconds = milliseconds * 10 + digit
      }
      at += 1 + fraction.count
    }
    var offsetMinutes = 0
    if has("Z", at: at) || has("z", at: at) {
      at += 1
    } else {
      guard has("+", at: at) || has("-", at: at), let hours = number(at + 1, 2), has(":", at: at + 3),
        let minutes = number(at + 4, 2), hours < 24, minutes < 60
      else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (has("-", at: at) ? -1 : 1)
      at += 6
    }
    guard at == bytes.count else { return nil }
    let seconds =
      daysSince1970(year: year, month: month, day: day) * 86400 + hour * 3600 + (minute - offsetMinutes) * 60 + second
    return UnixMilliseconds(Int64(seconds) * 1000 + Int64(milliseconds))
  }

  /// In UTC, with milliseconds where there are any.
  public static func format(_ time: UnixMilliseconds) -> String {
    let milliseconds = Int(time.rawValue)
    let seconds = milliseconds.flooredDivision(by: 1000)
    let days = seconds.flooredDivision(by: 86400)
    let (year, month, day) = date(daysSince1970: days)
    let ofDay = seconds - days * 86400
    let fraction = milliseconds - seconds * 1000
    return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(ofDay / 3600, 2) + ":"
      + pad(ofDay / 60 % 60, 2) + ":" + pad(ofDay % 60, 2) + (fraction == 0 ? "" : "." + pad(fraction, 3)) + "Z"
  }

  private static func pad(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func daysIn(month: Int, year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // Years that begin in March put the leap day last, so that a day's number within its year is a linear function.
  private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let era = shifted.flooredDivision(by: 400)
    let ofEra = shifted - era * 400
    let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
  }

  private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = shifted.flooredDivision(by: 146_097)
    let ofEra = shifted - era * 146_097
    let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * ofYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension Int {
  fileprivate func flooredDivision(by divisor: Int) -> Int {
    self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
  }
}
