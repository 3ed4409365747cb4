import Codec
import Model
import Testing

@testable import ScrapeTables

@Suite
struct `The tables of a target` {
  static func body(_ names: some Sequence<Int>, value: Int = 1) -> String {
    names.map { "s\($0) \(value)\n" }.joined()
  }

  @Test
  func `A few new series go into an extension table; the known table stays`() throws {
    var target = CacheDriver()
    try target.scrape(Self.body(0..<100))
    let first = target.tables[0]
    let samples = try target.scrape(Self.body(0..<103))
    #expect(target.tableCounts == [2])
    #expect(target.tables[0] === first)
    #expect(target.tables[1].seriesCount == 3)
    #expect(samples.scraped.count == 103)
    #expect(samples.scraped.last == "s102 1.0")
  }

  @Test
  func `A target that was down at first has one table when it is up`() throws {
    var target = CacheDriver()
    try target.scrape(nil)
    #expect(target.tableCounts == [1])
    try target.scrape(Self.body(0..<100))
    #expect(target.tableCounts == [1])
  }

  @Test
  func `Past four tables one new table replaces them, with the same series in the same order`() throws {
    var target = CacheDriver()
    var counts: [Int] = []
    for round in 0..<6 {
      let samples = try target.scrape(Self.body(0..<(100 + round * 2), value: round))
      #expect(samples.scraped == (0..<(100 + round * 2)).map { "s\($0) \(Double(round))" })
      counts += target.tableCounts
    }
    #expect(counts == [1, 2, 3, 4, 1, 2])
  }

  @Test
  func `When under half of the series are alive one new table holds those that are, and those that get their marker`()
    throws
  {
    var target = CacheDriver()
    try target.scrape(Self.body(0..<200))
    let samples = try target.scrape(Self.body(150..<200))
    // The markers of the 150 stand in the known table; it is full of them once more.
    #expect(samples.scraped.filter { $0.hasSuffix("stale") }.count == 150)
    let third = try target.scrape(Self.body(150..<200))
    #expect(target.tables.map(\.seriesCount) == [50 + ScrapeCache.reportNames.count])
    #expect(third.scraped == (150..<200).map { "s\($0) 1.0" })
    #expect(try target.scrape(Self.body(0..<200)).scraped.count == 200)
  }

  @Test
  func `A failing target keeps its table`() throws {
    var target = CacheDriver()
    try target.scrape(Self.body(0..<200))
    let name = target.tables[0].name
    for _ in 0..<5 { try target.scrape(nil) }
    try target.scrape(Self.body(0..<200))
    #expect(target.tables.map(\.name) == [name])
  }

  @Test
  func `A scrape with more series than a part takes becomes several rows of one source`() throws {
    var target = CacheDriver()
    let count = SeriesParts.limitSeries * 2 + 100
    for round in 1...2 {
      let samples = try target.scrape(Self.body(0..<count, value: round))
      #expect(target.rows.count == 3)
      #expect(samples.scraped.count == count)
      #expect(samples.scraped.last == "s\(count - 1) \(Double(round))")
    }
    for case .scrape(let row) in target.rows {
      #expect(row.source == 1)
      #expect(row.values.count <= SeriesParts.limitSeries)
    }
    // All gone: the markers once more, then parts that have nothing to say are gone, too.
    #expect(try target.scrape("").scraped.count == count)
    try target.scrape("x 1\n")
    try target.scrape("x 1\n")
    #expect(target.rows.count == 1)
  }

  @Test
  func `The row of a full part stays below 900,000 bytes when nothing compresses and every sample has its timestamp`()
    throws
  {
    var target = CacheDriver()
    var generator = SystemRandomNumberGenerator()
    let body = (0..<(SeriesParts.limitSeries - 10)).map { at in
      let value = Double(bitPattern: (generator.next() & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000)
      return "s\(at) \(value) \(generator.next() >> 2)\n"
    }.joined()
    try target.scrape(body)
    #expect(target.rows.count == 1)
    var sealer = try BlockSealer()
    let sealed = try sealer.seal(RowBatch(metrics: target.rows), origin: Origin(low: 1, high: 1), firstSequence: 1)
    #expect(sealed.count == 1)
    #expect(sealed[0].block.bytes.count < FormatLimits.sealedBlockBytes)
  }

  @Test
  func `Series too large together for one table are split over several`() throws {
    var target = CacheDriver()
    // 30 series of 900 KB each: more than a table's 16 MiB. They begin differently, so nothing is shared.
    let long = String(repeating: "x", count: 900_000)
    let body = (0..<30).map { "s\($0){l=\"\($0)-\(long)\"} \($0)\n" }.joined()
    let samples = try target.scrape(body)
    #expect(samples.count == 30 + ScrapeCache.reportNames.count)
    #expect(target.rows.count >= 2)
  }

  @Test
  func `A thousand spellings of the same series do not pile up`() throws {
    var target = CacheDriver()
    for round in 0..<3000 {
      let blanks = String(repeating: " ", count: round % 1500)
      try target.scrape("a{\(blanks)x=\"1\"} 1\n")
    }
    #expect(target.cache.seriesCount == 1 + ScrapeCache.reportNames.count)
    #expect(target.cache.index.count <= 1100)
  }

  @Test
  func `Random churn against a plain model stores exactly what Prometheus would`() async throws {
    for seed in 0..<20 {
      await Task.yield()
      var generator = SeededGenerator(UInt64(seed))
      var target = CacheDriver(target: [Label("job", "j")])
      var last: Set<Int> = []
      var alive = Array(0..<150)
      for _ in 0..<60 {
        alive.removeAll { _ in generator.next() % 20 == 0 }
        if generator.next() % 3 == 0 {
          alive += (0..<Int(generator.next() % 30)).map { _ in Int(generator.next() % 2000) }
        }
        if generator.next() % 25 == 0 { alive.removeLast(alive.count * 2 / 3) }
        if generator.next() % 10 == 0 { alive.shuffle(using: &generator) }
        let fails = generator.next() % 12 == 0
        var seen: Set<Int> = []
        let now = fails ? [] : alive.filter { seen.insert($0).inserted }
        var expected: [String: String] = [:]
        var body = ""
        for name in now {
          let value = Double(generator.next() % 1000)
          body += "s\(name) \(value)\n"
          expected[#"s\#(name){job="j"}"#] = "\(value)"
        }
        for name in last where !seen.contains(name) { expected[#"s\#(name){job="j"}"#] = "stale" }
        last = seen
        let samples = try target.scrape(fails ? nil : body)
        var stored: [String: String] = [:]
        for sample in samples where !ScrapeCache.reportNames.contains(sample.labels.metricName) {
          #expect(stored.updateValue(sample.isStale ? "stale" : "\(sample.value)", forKey: "\(sample.labels)") == nil)
        }
        #expect(stored == expected, "seed \(seed)")
        #expect(target.tableCounts.allSatisfy { $0 <= 4 })
      }
    }
  }
}

@Suite
struct `Metadata of families` {
  func metadata(_ target: CacheDriver) throws -> [String: MetricMetadata] {
    var found: [String: MetricMetadata] = [:]
    for series in try target.tables.flatMap({ try $0.decode() }) { found[series.labels.metricName] = series.metadata }
    return found
  }

  @Test
  func `Type and help go into the table, for the parts of a histogram, too`() throws {
    var target = CacheDriver()
    try target.scrape(
      """
      # HELP h How long.\\nSecond line
      # TYPE h histogram
      h_bucket{le="1"} 1
      h_bucket{le="+Inf"} 2
      h_sum 3
      h_count 2
      # TYPE c counter
      c 1
      plain 1

      """)
    let found = try metadata(target)
    let histogram = MetricMetadata(type: .histogram, help: "How long.\nSecond line")
    #expect(found["h_bucket"] == histogram)
    #expect(found["h_sum"] == histogram)
    #expect(found["h_count"] == histogram)
    #expect(found["c"] == MetricMetadata(type: .counter))
    #expect(found["plain"] == MetricMetadata.none)
    #expect(found["up"] == MetricMetadata(type: .gauge))
  }

  @Test
  func `Metadata that changes makes new tables once, at the earliest twenty scrapes after the last time`() throws {
    var target = CacheDriver()
    func body(_ help: Int) -> String { "# HELP a Text \(help)\n# TYPE a gauge\na 1\nb 2\n" }
    try target.scrape(body(0))
    let first = target.tables[0].name
    for _ in 0..<3 { try target.scrape(body(0)) }
    #expect(target.tables[0].name == first)
    #expect(try target.scrape(body(1)).scraped == ["a 1.0", "b 2.0"])
    #expect(try metadata(target)["a"]?.help == "Text 1")
    let renewed = target.tables[0].name
    #expect(renewed != first)
    for help in 2..<20 {
      try target.scrape(body(help))
      #expect(target.tables[0].name == renewed)
    }
    for help in 20..<25 { try target.scrape(body(help)) }
    #expect(target.tables[0].name != renewed)
  }
}
