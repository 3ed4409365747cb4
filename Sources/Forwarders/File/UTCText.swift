import Model

/// Times as text, by the proleptic Gregorian calendar, in UTC.
enum UTCText {
  /// For example `20261123T094500Z`.
  static func compact(_ time: UnixMilliseconds) -> String {
    let seconds = Int(time.rawValue.flooredDivision(by: 1000))
    let days = Int64(seconds).flooredDivision(by: 86_400)
    let rest = seconds - Int(days) * 86_400
    let (year, month, day) = date(days: Int(days))
    let clock = padded(rest / 3600, 2) + padded(rest / 60 % 60, 2) + padded(rest % 60, 2)
    return "\(padded(year, 4))\(padded(month, 2))\(padded(day, 2))T\(clock)Z"
  }

  static func padded(_ number: some BinaryInteger, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Days since 1970-01-01. Eras of 400 years, years that begin in March.
  ///
  /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days).
  private static func date(days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = Int(Int64(shifted).flooredDivision(by: 146_097))
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
    let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
  }
}

extension Duration {
  /// Whole milliseconds, rounded down.
  var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
