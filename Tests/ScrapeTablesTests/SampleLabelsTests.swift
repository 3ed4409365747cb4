import Model
import Testing

@testable import ScrapeTables

@Suite
struct `The labels under which samples are stored` {
  func stored(
    _ scraped: [(String, String)], target: [(String, String)], external: [(String, String)] = [], honor: Bool = false
  ) -> String {
    func labels(_ pairs: [(String, String)]) -> [Label] { pairs.map { Label($0.0, $0.1) } }
    let rules = SampleLabels(target: labels(target), external: labels(external), honorLabels: honor)
    return "\(rules.stored(labels(scraped)))"
  }

  @Test
  func `The target's label wins, and the scraped one is kept as exported`() {
    #expect(stored([("job", "a")], target: [("job", "b")]) == #"{exported_job="a",job="b"}"#)
  }

  @Test
  func `With honor_labels the scraped label wins, and an empty one keeps the target's away`() {
    #expect(stored([("job", "a")], target: [("job", "b"), ("x", "1")], honor: true) == #"{job="a",x="1"}"#)
    #expect(stored([("job", "")], target: [("job", "b")], honor: true) == "{}")
  }

  @Test
  func `An external label is added only where the series has none of its name`() {
    #expect(
      stored([("site", "scraped")], target: [], external: [("site", "s"), ("rack", "r")])
        == #"{rack="r",site="scraped"}"#)
    #expect(stored([("site", "")], target: [], external: [("site", "s")]) == #"{site="s"}"#)
    #expect(stored([], target: [("site", "t")], external: [("site", "s")]) == #"{site="t"}"#)
  }

  @Test
  func `An exported name that is taken gets another prefix`() {
    #expect(
      stored([("a", "1"), ("exported_a", "2")], target: [("a", "3"), ("exported_a", "4")])
        == #"{a="3",exported_a="4",exported_exported_a="1",exported_exported_exported_a="2"}"#)
  }

  @Test
  func `The series about the scrape have the target's labels and the external ones`() {
    let rules = SampleLabels(
      target: [Label("job", "j"), Label("__name__", "x")], external: [Label("site", "s")], honorLabels: true)
    #expect("\(rules.report("up"))" == #"up{job="j",site="s"}"#)
  }
}
