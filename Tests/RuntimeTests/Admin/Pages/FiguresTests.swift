import Testing

@testable import Runtime

@Suite("Figures for people")
struct FiguresTests {
  @Test(
    "are spans of time",
    arguments: [
      (0.0123, "12.3 ms"), (0, "0 s"), (0.9996, "1 s"), (4.5, "4.5 s"), (59.96, "1 min"), (200, "3 min 20 s"),
      (7200, "2 h"), (90_000, "1 d 1 h"), (-5, "-5 s"), (.infinity, "–"), (-.infinity, "–"), (.nan, "–"),
    ] as [(Double, String)])
  func spans(seconds: Double, text: String) {
    #expect(Figures.span(seconds) == text)
  }

  @Test(
    "are estimates",
    arguments: [
      (0.5, "less than 1 s"), (45, "about 45 s"), (119, "about 119 s"), (120, "about 2 min"), (7200, "about 2 h"),
      (86_400 * 12, "about 12 d"), (1e12, "more than a year"), (.nan, "–"),
    ] as [(Double, String)])
  func estimates(seconds: Double, text: String) {
    #expect(Figures.about(seconds) == text)
  }

  @Test(
    "are amounts of bytes",
    arguments: [
      (0, "0 B"), (1023, "1,023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (104_857_600, "100 MiB"),
      (5_497_558_138_880, "5 TiB"), (.nan, "–"), (1e40, "– PiB"),
    ] as [(Double, String)])
  func amounts(bytes: Double, text: String) {
    #expect(Figures.bytes(bytes) == text)
  }

  @Test(
    "are short",
    arguments: [
      (0, "0"), (0.00001, "0.001"), (-0.00001, "-0.001"), (0.25, "0.25"), (12.34, "12.3"), (99.96, "100"),
      (1234.5, "1,235"), (.infinity, "–"), (1e300, "–"),
    ] as [(Double, String)])
  func short(value: Double, text: String) {
    #expect(Figures.short(value) == text)
  }

  @Test func areGroupedInThousands() {
    #expect(Figures.grouped(999) == "999" && Figures.grouped(1000) == "1,000")
    #expect(Figures.grouped(-1_234_567) == "-1,234,567" && Figures.grouped(Int64.min).hasPrefix("-9,223"))
  }
}
