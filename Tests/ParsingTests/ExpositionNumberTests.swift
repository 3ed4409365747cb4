import Testing

@testable import Parsing

@Suite("Numbers of an exposition")
struct ExpositionNumberTests {
  @Test(
    "decimal numbers read as the nearest double",
    arguments: [
      "0", "-0", "1", "-1", "+1", "1.", ".5", "-.5", "1e5", "1E+5", "1e-5", "0.1", "123456789012345678",
      "9007199254740993",
      "1.7976931348623157e308", "5e-324", "2.4703282292062328e-324", "1e22", "1e23", "1e-22", "1e-23", "8.41e21",
      "0e99999999999",
      "123456789012345678901234567890", "0.000000000000000000000000000000000001",
      "3.14159265358979323846264338327950288",
      "00000000000000000000000000000000000001.5", "1e0000000000000000005", "4.35e-5", "9007199254740992", "1e-400",
      "-1e-400",
    ])
  func decimals(_ text: String) throws {
    #expect(number(text) == .value(try #require(Double(text))), "\(text)")
    #expect(bits(text) == Double(text)?.bitPattern)
  }

  @Test("infinities and NaN are words in any case; NaN has no sign and one pattern of bits")
  func words() {
    for text in ["inf", "Inf", "+Inf", "+INFINITY", "infinity"] { #expect(number(text) == .value(.infinity)) }
    for text in ["-inf", "-Infinity"] { #expect(number(text) == .value(-.infinity)) }
    for text in ["nan", "NaN", "NAN"] { #expect(bits(text) == 0x7ff8_0000_0000_0001) }
  }

  @Test(
    "what Go and Prometheus do not take is refused",
    arguments: [
      "", ".", "-", "+", "e5", "1e", "1e+", "1_000", "0x1p-2", "0x1", "0X1P3", "0b1", "0o7", "+nan", "-NaN", "nan(1)",
      "infinit", "1 ", " 1",
      "--1", "1.2.3", "1e5.", "1,5", "1f", "1d", "ınf", "1\0",
    ])
  func malformed(_ text: String) {
    #expect(number(text) == .malformed, "\(text)")
  }

  @Test("a number past the largest double is out of range")
  func range() {
    #expect(number("1e309") == .outOfRange)
    #expect(number("-1.8e308") == .outOfRange)
    #expect(number("1e99999999999999999999") == .outOfRange)
    #expect(number(String(repeating: "9", count: 100_000)) == .outOfRange)
  }

  @Test("doubles survive their shortest, their full and their scientific form")
  func roundTrips() {
    var random = SeededGenerator(seed: 20_261_123)
    for _ in 0..<20_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      #expect(bits(value.description) == value.bitPattern, "\(value)")
    }
    for _ in 0..<20_000 {
      let value = Double(Int64(truncatingIfNeeded: random.next() >> 20)) / [1, 10, 100, 1e6][Int(random.next() % 4)]
      #expect(bits("\(value)") == value.bitPattern, "\(value)")
    }
  }

  @Test(
    "bounds are written as OpenMetrics writes them",
    arguments: [
      ("1", "1.0"), ("0", "0.0"), ("-0", "0.0"), ("-1", "-1.0"), ("0.50", "0.5"), ("1000000", "1e+06"),
      ("1e6", "1e+06"), ("100000", "100000.0"),
      ("125000", "125000.0"), ("1234567", "1.234567e+06"), ("0.0001", "0.0001"), ("0.00001", "1e-05"),
      ("1.5e-10", "1.5e-10"),
      ("+Inf", "+Inf"), ("inf", "+Inf"), ("nan", "NaN"), ("0x1p-3", "0.125"), ("0x10", "0x10"), ("bla", "bla"),
      ("", ""), ("1e400", "1e400"),
      ("0.005", "0.005"), ("2.5", "2.5"), ("1e+100", "1e+100"), ("0.9999", "0.9999"), ("172.8", "172.8"),
      ("007", "7.0"), (".5", "0.5"),
      ("999999", "999999.0"), ("-2.50", "-2.5"), ("0.00", "0.0"), ("123456.789", "123456.789"), ("1.", "1.0"),
      ("0.1000000000000000055", "0.1"),
    ])
  func bounds(_ text: String, _ expected: String) {
    #expect(OpenMetricsFloat.normalised(text) == expected)
  }

  private func number(_ text: String) -> ExpositionNumber {
    let bytes = Array(text.utf8)
    return ExpositionNumber(0..<bytes.count, in: bytes.span)
  }

  private func bits(_ text: String) -> UInt64? {
    if case .value(let value) = number(text) { value.bitPattern } else { nil }
  }
}

/// SplitMix64: the same numbers for the same seed, so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z &>> 31)
  }
}
