import Testing

@testable import Wire

@Suite struct RFC3339NanoTests {
  private static func parse(_ text: String) -> RFC3339Nano.Moment? { RFC3339Nano.parse(Array(text.utf8)) }

  private static func text(_ time: Int64) -> String {
    var out: [UInt8] = []
    RFC3339Nano.append(time, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  @Test func timesAreReadAndWritten() {
    #expect(Self.parse("1970-01-01T00:00:00Z") == .time(0))
    #expect(Self.parse("2019-09-13T18:32:22.380001319Z") == .time(1_568_399_542_380_001_319))
    #expect(Self.parse("2019-09-13T20:32:22.380001319+02:00") == .time(1_568_399_542_380_001_319))
    #expect(Self.parse("2019-09-13T13:02:22.38-05:30") == .time(1_568_399_542_380_000_000))
    #expect(Self.parse("1969-12-31T23:59:59.9Z") == .time(-100_000_000))
    #expect(Self.parse("2000-02-29T00:00:00.1234567899Z") == .time(951_782_400_123_456_789))
    #expect(Self.text(1_568_399_542_380_001_319) == "2019-09-13T18:32:22.380001319Z")
    #expect(Self.text(0) == "1970-01-01T00:00:00Z")
    #expect(Self.text(-1) == "1969-12-31T23:59:59.999999999Z")
    #expect(Self.text(1_650_967_200_200_000_000) == "2022-04-26T10:00:00.2Z")
  }

  @Test func theEndsOfTimeAreReached() {
    for time in [Int64.min, .min + 1, -1_000_000_000, -1, 1, .max - 1, .max] {
      #expect(Self.parse(Self.text(time)) == .time(time))
    }
    #expect(Self.parse("0001-01-01T00:00:00Z") == .outOfReach)
    #expect(Self.parse("9999-12-31T23:59:59Z") == .outOfReach)
    #expect(RFC3339Nano.moment(seconds: .min, nanoseconds: 0) == .outOfReach)
    #expect(RFC3339Nano.moment(seconds: .max, nanoseconds: 999_999_999) == .outOfReach)
  }

  @Test func aThousandTimesComeBack() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<1000 {
      let time = Int64.random(in: .min ... .max, using: &generator)
      #expect(Self.parse(Self.text(time)) == .time(time))
    }
  }

  @Test(arguments: [
    "", "2019", "2019-13-01T00:00:00Z", "2019-02-29T00:00:00Z", "2019-01-01 00:00:00Z", "2019-01-01T24:00:00Z",
    "2019-01-01T00:00:60Z", "2019-01-01T00:00:00", "2019-01-01T00:00:00.Z", "2019-01-01T00:00:00z",
    "2019-01-01T00:00:00+0200", "2019-01-01T00:00:00Zx", "2019-1-1T00:00:00Z", "１970-01-01T00:00:00Z",
  ])
  func whatIsNoTimeIsRefused(text: String) { #expect(Self.parse(text) == nil) }
}
