import Model
import Parsing
import Testing

@testable import ScrapeTables

/// What a cache should store, worked out the slow way: every line's labels parsed, nothing remembered but which series were there.
/// Without histograms: the cache, as Prometheus' own, keeps the `le` of a series as its type was at first sight.
private struct PlainModel {
  let labels: SampleLabels
  private var tracked: Set<Labels> = []

  init(labels: SampleLabels) { self.labels = labels }

  /// Stored samples by series; nil stands for the marker.
  mutating func scrape(_ bytes: [UInt8]) -> [Labels: Double?] {
    var stored: [Labels: Double?] = [:]
    var parser = TextParser()
    var series = TextSeries()
    do {
      while let entry = try parser.next(in: bytes.span) {
        guard case .sample(let key, let value, _) = entry else { continue }
        try series.parse(key, in: bytes.span)
        let identity = labels.stored(try series.labels(in: bytes.span, under: parser.lastType).pairs)
        if stored[identity] == nil { stored[identity] = .some(value) }
      }
    } catch {
      stored = [:]
    }
    let there = Set(stored.keys)
    for gone in tracked.subtracting(there) { stored[gone] = .some(nil) }
    tracked = there
    return stored
  }
}

@Suite
struct `Damaged expositions` {
  static let body = """
    # HELP http_requests_total Requests, with a \\\\ in the help.
    # TYPE http_requests_total counter
    http_requests_total{code="200",path="/a\\"b\\\\c"} 10
    http_requests_total{code="500",path="/"} 2
    # TYPE rpc untyped
    rpc_bucket{le="1"} 1
    rpc_bucket{le="+Inf"} 2
    rpc_sum 3.25
    rpc_count 2
    {"quoted.name", "label.x"="y"} 1
    plain 1e3
    with_blanks  { a = "1" , }  7

    """

  @Test
  func `Whatever bytes come, in whatever order, the cache stores what the slow way stores`() async throws {
    for seed in 0..<80 {
      await Task.yield()
      var generator = SeededGenerator(UInt64(seed))
      let rules = SampleLabels(
        target: [Label("job", "j"), Label("code", "t")], external: [], honorLabels: seed % 2 == 0)
      var driver = CacheDriver(
        target: rules.target, external: [], honorLabels: rules.honorLabels, honorTimestamps: false)
      var model = PlainModel(labels: rules)
      var lines = Self.body.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.utf8) }
      for _ in 0..<12 {
        var bytes = Array(lines.joined(separator: [10]))
        switch generator.next() % 6 {
        case 0:
          let at = Int(generator.next() % UInt64(bytes.count))
          bytes[at] = Array("{}\"\\,=# \n0a\u{0}".utf8)[Int(generator.next() % 12)]
        case 1: bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
        case 2: bytes.removeLast(Int(generator.next() % UInt64(bytes.count)))
        case 3: lines.shuffle(using: &generator)
        case 4: lines.insert(lines[Int(generator.next() % UInt64(lines.count))], at: 0)
        default: break
        }
        let expected = model.scrape(bytes)
        let stored = try driver.scrape(bytes: bytes).filter { !ScrapeCache.reportNames.contains($0.labels.metricName) }
        let compared = expected.filter { !ScrapeCache.reportNames.contains($0.key.metricName) }
        #expect(stored.count == compared.count, "seed \(seed)")
        for sample in stored {
          let value = try #require(compared[sample.labels], "seed \(seed): \(sample.labels)")
          #expect(sample.bits == (value ?? StaleMarker.value).bitPattern, "seed \(seed): \(sample.labels)")
        }
      }
    }
  }
}
