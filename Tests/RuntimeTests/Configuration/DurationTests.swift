import Testing

@testable import Runtime

@Suite("Durations as Prometheus writes them")
struct DurationTests {
  @Test(
    "are read",
    arguments: [
      ("0", Duration.zero), ("15s", .seconds(15)), ("1h30m", .seconds(5400)), ("30d", .seconds(30 * 86_400)),
      ("250ms", .milliseconds(250)), ("1y2w3d4h5m6s7ms", .milliseconds(33_019_506_007)), ("0s", .zero),
      ("10ms", .milliseconds(10)), ("1m", .seconds(60)),
    ])
  func read(text: String, duration: Duration) {
    #expect(PrometheusDuration.parse(text) == duration)
  }

  @Test(
    "are refused in any other form",
    arguments: [
      "", "1", "s", "1.5h", "-1h", "1s1m", "1m1m", "1 h", "1H", "1us", "١s", "9223372036854775807y",
      "99999999999999999999s", "1h ", "ms", "290000000y", "293y",
    ])
  func refused(text: String) {
    #expect(PrometheusDuration.parse(text) == nil)
  }

  @Test(
    "are written so that they are read back",
    arguments: ["15s", "1h30m", "30d", "1y", "8d", "1w", "1h0m1s", "250ms"])
  func written(text: String) {
    let duration = PrometheusDuration.parse(text)
    #expect(duration.map(PrometheusDuration.format).flatMap(PrometheusDuration.parse) == duration)
  }

  @Test func aWeekAndADayAreEightDays() {
    #expect(PrometheusDuration.format(.seconds(8 * 86_400)) == "8d")
    #expect(PrometheusDuration.format(.zero) == "0s")
  }
}

@Suite("Sizes")
struct ByteSizeTests {
  @Test(
    "are read",
    arguments: [
      ("10GiB", 10 << 30), ("512MB", 512_000_000), ("1.5KiB", 1536), ("0", 0), ("77", 77), ("77B", 77),
      ("2TiB", 2 << 40), ("1TB", 1_000_000_000_000),
    ])
  func read(text: String, bytes: Int) {
    #expect(ByteSize(parsing: text)?.bytes == bytes)
  }

  @Test(
    "are refused in any other form",
    arguments: ["", "GiB", "-1GiB", "1 GiB", "1gib", "1.GiB", ".5GiB", "1e3", "9999999TiB", "1GiBB", "0x10"])
  func refused(text: String) {
    #expect(ByteSize(parsing: text) == nil)
  }

  @Test func areShownWithTheLargestUnitThatFits() {
    #expect(ByteSize(bytes: 10 << 30).description == "10GiB")
    #expect(ByteSize(bytes: 1536).description == "1.5KiB")
    #expect(ByteSize(bytes: 1023).description == "1023B")
    #expect(ByteSize(bytes: 0).description == "0B")
  }
}

@Suite("Times of RFC 3339")
struct RFC3339Tests {
  @Test(
    "are read",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-11-23T09:30:00Z", 1_795_426_200_000),
      ("2026-11-23T10:30:00.25+01:00", 1_795_426_200_250), ("2000-02-29T23:59:59.999999Z", 951_868_799_999),
      ("1969-12-31T23:59:59Z", -1000), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
      ("2026-11-23t09:30:00z", 1_795_426_200_000),
    ])
  func read(text: String, milliseconds: Int64) {
    #expect(RFC3339.parse(text)?.rawValue == milliseconds)
  }

  @Test(
    "are refused in any other form",
    arguments: [
      "", "2026-11-23", "2026-11-23T09:30:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
      "2026-11-23T24:00:00Z", "2026-11-23T09:60:00Z", "2026-11-23T09:30:00.Z", "2026-11-23T09:30:00+0100",
      "2026-11-23T09:30:00Zx", "26-11-23T09:30:00Z", "2026-00-10T00:00:00Z", "2026-11-00T00:00:00Z",
    ])
  func refused(text: String) {
    #expect(RFC3339.parse(text) == nil)
  }

  @Test("are written as they were read", arguments: [0, 1_795_426_200_250, -1, 951_868_799_999, 253_402_300_799_000])
  func written(milliseconds: Int64) {
    let text = RFC3339.format(.init(milliseconds))
    #expect(RFC3339.parse(text)?.rawValue == milliseconds, "\(text)")
  }
}
