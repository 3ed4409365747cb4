import Model
import Testing

@testable import Parsing

@Suite("Metric families")
struct MetricFamilyTests {
  @Test(
    "a family owns the samples that its type allows",
    arguments: [
      ("foo", MetricType.histogram, "foo_bucket", true), ("foo", .histogram, "foo_sum", true),
      ("foo", .histogram, "foo_count", true),
      ("foo", .histogram, "foo", true), ("foo", .histogram, "foo_total", false), ("foo", .summary, "foo_bucket", false),
      ("foo", .summary, "foo_sum", true), ("foo", .summary, "foo", true), ("foo", .counter, "foo_total", true),
      ("foo", .counter, "foo", true),
      ("foo_total", .counter, "foo_total", true), ("foo_total", .counter, "foo", false), ("foo", .gauge, "foo", true),
      ("foo", .gauge, "foo_sum", false), ("foo", .unknown, "foo_count", false), ("foo", .info, "foo_info", true),
      ("foo", .gaugeHistogram, "foo_gcount", true), ("foo", .histogram, "food_bucket", false),
      ("foo", .histogram, "fo_bucket", false),
      ("foo", .histogram, "foo_bucket_sum", false),
    ])
  func owns(_ family: String, _ type: MetricType, _ sample: String, _ expected: Bool) {
    #expect(MetricFamily.owns(family, type, sample: sample) == expected)
  }

  @Test("a sample's family is its own name, or that without a suffix that the family's type allows")
  func of() {
    let types: [String: MetricType] = [
      "h": .histogram, "s": .summary, "g": .gauge, "x_sum": .gauge, "x": .summary, "c": .counter,
    ]
    func family(_ sample: String) -> String? { MetricFamily.of(sample: sample) { types[$0] } }
    #expect(family("h_bucket") == "h")
    #expect(family("s_count") == "s")
    #expect(family("s_bucket") == nil)
    #expect(family("g") == "g")
    #expect(family("g_sum") == nil)
    // A family of exactly that name comes first.
    #expect(family("x_sum") == "x_sum")
    #expect(family("x_count") == "x")
    #expect(family("c_total") == "c")
    #expect(family("unknown") == nil)
    #expect(family("_") == nil)
  }
}
