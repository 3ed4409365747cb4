/// Times as Go's JSON writes and reads them: `2022-04-26T10:00:00.123456789+02:00`.
///
/// Source: RFC 3339 as Go's time.Time reads it: capital letters, any number of digits behind the point (those past nine are dropped), no leap second.
enum RFC3339Nano {
  enum Moment: Equatable {
    case time(Int64)
    /// A time, but not one that nanoseconds in 64 bits reach (1677 to 2262).
    case outOfReach
  }

  /// Nil when it is not a time.
  static func parse(_ bytes: [UInt8]) -> Moment? {
    var at = 0
    func number(_ digits: Int, _ range: ClosedRange<Int>) -> Int? {
      guard bytes.count - at >= digits else { return nil }
      var value = 0
      for byte in bytes[at..<at + digits] {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
      }
      at += digits
      return range.contains(value) ? value : nil
    }
    func take(_ byte: UInt8) -> Bool {
      guard at < bytes.count, bytes[at] == byte else { return false }
      at += 1
      return true
    }
    guard let year = number(4, 0...9999), take(UInt8(ascii: "-")), let month = number(2, 1...12),
      take(UInt8(ascii: "-")), let day = number(2, 1...daysIn(month, of: year)), take(UInt8(ascii: "T")),
      let hour = number(2, 0...23), take(UInt8(ascii: ":")), let minute = number(2, 0...59),
      take(UInt8(ascii: ":")), let second = number(2, 0...59)
    else { return nil }
    var nanoseconds = 0
    if take(UInt8(ascii: ".")) || take(UInt8(ascii: ",")) {
      let start = at
      var scale = 100_000_000
      while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") {
        nanoseconds += Int(bytes[at] - UInt8(ascii: "0")) * scale
        scale /= 10
        at += 1
      }
      if at == start { return nil }
    }
    var offsetSeconds = 0
    if !take(UInt8(ascii: "Z")) {
      let isWest = take(UInt8(ascii: "-"))
      guard isWest || take(UInt8(ascii: "+")), let hours = number(2, 0...24), take(UInt8(ascii: ":")),
        let minutes = number(2, 0...60)
      else { return nil }
      offsetSeconds = (hours * 60 + minutes) * (isWest ? -60 : 60)
    }
    guard at == bytes.count else { return nil }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offsetSeconds
    return moment(seconds: Int64(seconds), nanoseconds: Int64(nanoseconds))
  }

  /// `nanoseconds` counts forward from the second.
  static func moment(seconds: Int64, nanoseconds: Int64) -> Moment {
    // From the side of zero, so that the smallest time does not overflow on the way.
    let (whole, part) = seconds < 0 ? (seconds + 1, nanoseconds - 1_000_000_000) : (seconds, nanoseconds)
    let (product, isTooLarge) = whole.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isPast) = product.addingReportingOverflow(part)
    return isTooLarge || isPast ? .outOfReach : .time(sum)
  }

  /// In UTC, without zeros at the end of the fraction.
  static func append(_ nanoseconds: Int64, to out: inout [UInt8]) {
    var seconds = nanoseconds / 1_000_000_000
    var part = nanoseconds % 1_000_000_000
    if part < 0 {
      part += 1_000_000_000
      seconds -= 1
    }
    var day = seconds / 86_400
    var rest = seconds % 86_400
    if rest < 0 {
      rest += 86_400
      day -= 1
    }
    let (year, month, dayOfMonth) = date(Int(day))
    func two(_ value: Int, _ separator: UInt8?) {
      if let separator { out.append(separator) }
      out.append(UInt8(ascii: "0") + UInt8(value / 10))
      out.append(UInt8(ascii: "0") + UInt8(value % 10))
    }
    two(year / 100, nil)
    two(year % 100, nil)
    two(month, UInt8(ascii: "-"))
    two(dayOfMonth, UInt8(ascii: "-"))
    two(Int(rest) / 3600, UInt8(ascii: "T"))
    two(Int(rest) / 60 % 60, UInt8(ascii: ":"))
    two(Int(rest) % 60, UInt8(ascii: ":"))
    if part > 0 {
      out.append(UInt8(ascii: "."))
      var scale: Int64 = 100_000_000
      while part > 0 {
        out.append(UInt8(ascii: "0") + UInt8(part / scale))
        part %= scale
        scale /= 10
      }
    }
    out.append(UInt8(ascii: "Z"))
  }

  private static func daysIn(_ month: Int, of year: Int) -> Int {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  /// Days since 1970-01-01 in the Gregorian calendar. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func date(_ day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
