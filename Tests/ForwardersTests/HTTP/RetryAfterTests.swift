import Foundation
import HTTP
import Model
import Testing

@Suite struct RetryAfterTests {
  /// 1994-11-06T08:49:00Z.
  private static let now = UnixMilliseconds(784_111_740_000)

  @Test("Seconds are taken as they are", arguments: [("0", 0), ("120", 120), (" 7\t", 7), ("0005", 5)])
  func seconds(_ text: String, _ seconds: Int) {
    #expect(RetryAfter.parse(text, now: Self.now) == .seconds(seconds))
  }

  @Test(
    "A date in any form of HTTP counts from now",
    arguments: [
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
  func dates(_ text: String) {
    #expect(RetryAfter.parse(text, now: Self.now) == .seconds(37))
  }

  @Test func yearsOfTwoDigitsAreOfThisCentury() {
    #expect(
      RetryAfter.parse("Wednesday, 25-Nov-26 18:00:10 GMT", now: UnixMilliseconds(1_795_629_600_000)) == .seconds(10))
  }

  @Test func aDateThatHasPassedIsNoWait() {
    #expect(RetryAfter.parse("Sun, 06 Nov 1994 08:48:00 GMT", now: Self.now) == .zero)
  }

  @Test(
    "What is neither is ignored",
    arguments: [
      "", " ", "soon", "-5", "1.5", "5s", "+5", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
      "Mon, 02 Jan 2006 15:04:05 MST", "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
    ])
  func others(_ text: String) {
    #expect(RetryAfter.parse(text, now: Self.now) == nil)
  }

  @Test func moreSecondsThanAnybodyMeansAreStillALongWait() throws {
    let wait = try #require(RetryAfter.parse("99999999999999999999999", now: Self.now))
    #expect(wait > .seconds(86_400))
  }

  @Test func datesAgreeWithTheSystemsCalendar() {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    for step in 0..<400 {
      let seconds = Int64(step) * 8_640_037
      let text = format.string(from: Date(timeIntervalSince1970: Double(seconds)))
      #expect(RetryAfter.parse(text, now: UnixMilliseconds(0)) == .seconds(seconds), "\(text)")
    }
  }
}
