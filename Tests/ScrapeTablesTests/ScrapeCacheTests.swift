import Codec
import Model
import Testing

@testable import ScrapeTables

@Suite
struct `The cache of a target's series` {
  @Test
  func `Values stand under the labels of their series, in the order of the target`() throws {
    var target = CacheDriver(target: [Label("job", "j")])
    let samples = try target.scrape("b{x=\"1\"} 2\na 1\n")
    #expect(samples.scraped == [#"b{job="j",x="1"} 2.0"#, #"a{job="j"} 1.0"#])
    #expect(samples.allSatisfy { $0.timestamp == 1000 })
  }

  @Test
  func `A second scrape of the same series makes no table and parses no label`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\nb 2\n")
    let tables = target.tables
    let second = try target.scrape("a 3\nb 4\n")
    #expect(second.scraped == ["a 3.0", "b 4.0"])
    #expect(target.tables.map(\.name) == tables.map(\.name))
    #expect(target.tables.first === tables.first)
  }

  @Test
  func `Series in another order, or with other blanks, keep their places`() throws {
    var target = CacheDriver()
    try target.scrape("a{x=\"1\",y=\"2\"} 1\nb 2\nc 3\n")
    let second = try target.scrape("c 6\na{y=\"2\",x=\"1\"} 4\nb 5\n")
    #expect(second.scraped == [#"a{x="1",y="2"} 4.0"#, "b 5.0", "c 6.0"])
    #expect(target.tableCounts == [1])
    #expect(try target.scrape("c 9\na{y=\"2\",x=\"1\"} 7\nb 8\n").scraped.count == 3)
  }

  @Test
  func `The series about the scrape carry the target's labels and the scrape's figures`() throws {
    var target = CacheDriver(target: [Label("job", "j")], external: [Label("site", "s")])
    let first = try target.scrape("a 1\nb 2\n")
    #expect(first[#"up{job="j",site="s"}"#]?.value == 1)
    #expect(first[#"scrape_duration_seconds{job="j",site="s"}"#]?.value == 0.25)
    #expect(first[#"scrape_samples_scraped{job="j",site="s"}"#]?.value == 2)
    #expect(first[#"scrape_samples_post_metric_relabeling{job="j",site="s"}"#]?.value == 2)
    #expect(first[#"scrape_series_added{job="j",site="s"}"#]?.value == 2)
    let second = try target.scrape("a 1\nb 2\nc 3\n")
    #expect(second[#"scrape_series_added{job="j",site="s"}"#]?.value == 1)
    let failed = try target.scrape(nil)
    #expect(failed[#"up{job="j",site="s"}"#]?.value == 0)
    #expect(failed[#"scrape_series_added{job="j",site="s"}"#]?.value == 0)
    #expect(failed[#"scrape_samples_scraped{job="j",site="s"}"#]?.value == 0)
  }

  @Test
  func `A series that is back after a failed scrape is not counted as added, one that was gone from a good scrape is`()
    throws
  {
    var target = CacheDriver()
    try target.scrape("a 1\nb 1\n")
    try target.scrape(nil)
    #expect(try target.scrape("a 1\nb 1\n")["scrape_series_added"]?.value == 0)
    try target.scrape("a 1\n")
    #expect(try target.scrape("a 1\nb 1\n")["scrape_series_added"]?.value == 1)
  }

  @Test
  func `A target may write a series of the name up; ours is the one that counts`() throws {
    var target = CacheDriver()
    let samples = try target.scrape("up 7\na 1\n")
    #expect(samples.filter { $0.labels.metricName == "up" }.map(\.value) == [1])
    #expect(samples.scraped == ["a 1.0"])
  }

  @Test
  func `An empty value, a repeated name and a missing name are treated as Prometheus treats them`() throws {
    var target = CacheDriver()
    #expect(try target.scrape("a{x=\"\"} 1\n").scraped == ["a 1.0"])
    try target.scrape("a{x=\"1\",x=\"2\"} 1\n")
    #expect(target.error != nil)
    try target.scrape("{x=\"1\"} 1\n")
    #expect(target.error != nil)
  }

  @Test
  func `A NaN of the target is not taken for a marker`() throws {
    var target = CacheDriver()
    let samples = try target.scrape("a NaN\nb +Inf\nc -0\n")
    #expect(samples["a"]?.isStale == false)
    #expect(samples["a"]?.value.isNaN == true)
    #expect(samples["b"]?.value == .infinity)
    #expect(samples["c"]?.bits == (-0.0).bitPattern)
  }

  @Test
  func `A series with more labels than a table takes is refused and costs nothing else`() throws {
    var target = CacheDriver()
    let many = (0..<2000).map { "l\($0)=\"v\"" }.joined(separator: ",")
    for _ in 0..<2 {
      #expect(try target.scrape("a 1\nhuge{\(many)} 1\nb 2\n").scraped == ["a 1.0", "b 2.0"])
      #expect(target.reading.refused == 1)
      #expect(target.reading.samples == 3)
      #expect(target.error == nil)
    }
  }

  @Test
  func `Refused series that are others in each scrape are not all kept`() throws {
    var target = CacheDriver()
    let many = (0..<2000).map { "l\($0)=\"vvvvvvvvvvvvvvvvvvvv\"" }.joined(separator: ",")
    for scrape in 0..<80 {
      try target.scrape("a 1\nhuge{n=\"\(scrape)\",\(many)} 1\n")
      #expect(target.reading.refused == 1)
    }
    #expect(target.cache.index.count < 100)
  }

  @Test
  func `A refused series longer than any series may be leaves no bytes behind`() throws {
    var target = CacheDriver()
    let long = String(repeating: "x", count: ScrapeCache.limitSeriesBytes + 1)
    #expect(try target.scrape("a 1\nhuge{x=\"\(long)\"} 1\n").scraped == ["a 1.0"])
    #expect(target.reading.refused == 1)
    #expect(target.cache.index.count == 1)
  }

  @Test
  func `What the cache makes can be sealed, and comes out as it went in`() throws {
    var target = CacheDriver(target: [Label("job", "j")])
    var sealer = try BlockSealer()
    let opener = try BlockOpener()
    var generator = SystemRandomNumberGenerator()
    var sequence: UInt64 = 1
    for round in 0..<30 {
      let body = (0..<200).filter { _ in generator.next() % 8 > 0 }
        .map { "s\($0){n=\"\($0)\"} \(round * $0) \(round % 3 == 0 && $0 % 5 == 0 ? "\(round * 10)" : "")\n" }.joined()
      let samples = try target.scrape(body)
      let sealed = try sealer.seal(
        RowBatch(metrics: target.rows), origin: Origin(low: 1, high: 1), firstSequence: sequence)
      sequence += UInt64(target.rows.count)
      var opened: [StoredSample] = []
      for block in sealed {
        let content = try opener.open(block.block)
        for (group, tables) in zip(content.groups, try content.resolve(block.tables)) {
          let series = try tables.flatMap { try $0.decode() }
          switch group {
          case .matrix(let matrix):
            matrix.forEachSample { at, _, timestamp, value in
              opened.append(StoredSample(series[at].labels, timestamp, value))
            }
          case .loose(let loose):
            for at in loose.series.indices {
              opened.append(
                StoredSample(series[Int(loose.series[at])].labels, loose.timestamps[at], loose.values[at]))
            }
          case .logs: Issue.record("logs among metrics")
          }
        }
      }
      #expect(opened == samples)
    }
  }
}

@Suite
struct `Staleness markers` {
  @Test
  func `A series that vanishes gets one marker in the next scrape and is absent then`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\nb 2\n")
    #expect(try target.scrape("a 1\n").scraped == ["a 1.0", "b stale"])
    #expect(try target.scrape("a 1\n").scraped == ["a 1.0"])
    #expect(try target.scrape("a 1\nb 3\n").scraped == ["a 1.0", "b 3.0"])
  }

  @Test
  func `The marker is Prometheus' own, bit for bit, at the time of the scrape`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\n")
    let marker = try #require(try target.scrape("")["a"])
    #expect(marker.bits == 0x7ff0_0000_0000_0002)
    #expect(marker.timestamp == 2000)
  }

  @Test
  func `All series of a target that does not answer get one marker, and up is 0`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\nb 2\n")
    let failed = try target.scrape(nil)
    #expect(failed.scraped == ["a stale", "b stale"])
    #expect(failed["up"]?.value == 0)
    #expect(try target.scrape(nil).scraped == [])
    #expect(try target.scrape("a 5\nb 6\n").scraped == ["a 5.0", "b 6.0"])
  }

  @Test
  func `One line that cannot be parsed fails the whole scrape: markers, and nothing of what came before the line`()
    throws
  {
    var target = CacheDriver()
    try target.scrape("a 1\nb 2\n")
    let failed = try target.scrape("a 3\nnew 4\n}\nb 5\n")
    #expect(target.error != nil)
    #expect(failed.scraped == ["a stale", "b stale"])
    #expect(failed["up"]?.value == 0)
    #expect(try target.scrape("a 7\nnew 8\n").scraped == ["a 7.0", "new 8.0"])
  }

  @Test
  func `A line whose labels cannot be parsed fails the scrape also when new series came before it`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\n")
    for _ in 0..<3 {
      let before = target.cache.seriesCount
      try target.scrape("a 1\nx1 1\nx2 2\nbad{l=\"1\" m} 1\n")
      #expect(target.error != nil)
      #expect(target.cache.seriesCount == before)
    }
    #expect(try target.scrape("a 1\nx1 1\n").scraped == ["a 1.0", "x1 1.0"])
  }

  @Test
  func `A series with timestamps of its own gets none`() throws {
    var target = CacheDriver()
    try target.scrape("a 1 500\nb 2\n")
    #expect(try target.scrape("").scraped == ["b stale"])
    #expect(try target.scrape(nil).scraped == [])
  }

  @Test
  func `A marker in rows that were not stored comes again`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\nb 2\n")
    #expect(try target.scrape("a 1\n").scraped == ["a 1.0", "b stale"])
    target.cache.dropped()
    #expect(try target.scrape("a 1\n").scraped == ["a 1.0", "b stale"])
    #expect(try target.scrape("a 1\n").scraped == ["a 1.0"])
  }

  @Test
  func `A sample with its own timestamp in rows that were not stored is taken again`() throws {
    var target = CacheDriver()
    #expect(try target.scrape("a 1 500\n").scraped == ["a 1.0"])
    #expect(try target.scrape("a 2 600\n").scraped == ["a 2.0"])
    target.cache.dropped()
    #expect(try target.scrape("a 2 600\n").scraped == ["a 2.0"])
    #expect(try target.scrape("a 2 600\n").scraped == [])
  }

  @Test
  func `A target that is scraped no more ends with markers for every series, its reports too`() throws {
    var target = CacheDriver()
    try target.scrape("a 1\nb 2 77\n")
    let last = try target.end()
    #expect(last.allSatisfy { $0.isStale && $0.timestamp == 2000 })
    #expect(Set(last.map(\.labels.metricName)) == Set(["a"] + ScrapeCache.reportNames))
  }

  @Test
  func `A target that goes before its first scrape leaves nothing`() throws {
    var target = CacheDriver()
    #expect(try target.end() == [])
  }
}

@Suite
struct `Timestamps and duplicates within a scrape` {
  @Test
  func `A sample's own timestamp is stored with it`() throws {
    var target = CacheDriver()
    let samples = try target.scrape("a 1 123\nb 2\n")
    #expect(samples["a"]?.timestamp == 123)
    #expect(samples["b"]?.timestamp == 1000)
  }

  @Test
  func `Without honor_timestamps every sample has the scrape's time and gets its marker`() throws {
    var target = CacheDriver(honorTimestamps: false)
    #expect(try target.scrape("a 1 123\n")["a"]?.timestamp == 1000)
    #expect(try target.scrape("").scraped == ["a stale"])
  }

  @Test
  func `Of a series that is there twice the first sample stays`() throws {
    var target = CacheDriver()
    #expect(try target.scrape("a 1\na 2\n").scraped == ["a 1.0"])
    #expect(target.reading.duplicates == 1)
    #expect(target.reading.samples == 2)
    #expect(try target.scrape("a 3\na 4\n").scraped == ["a 3.0"])
    #expect(target.reading.duplicates == 1)
  }

  @Test
  func `The same series in two spellings is one series`() throws {
    var target = CacheDriver()
    #expect(try target.scrape("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n").scraped == [#"a{x="1",y="2"} 1.0"#])
    #expect(target.reading.duplicates == 1)
  }

  @Test
  func `Several samples of a series with rising timestamps are all stored`() throws {
    var target = CacheDriver()
    let samples = try target.scrape("a 1 100\na 2 200\na 3 300\nb 1\n")
    #expect(samples.filter { $0.labels.metricName == "a" }.map(\.timestamp) == [100, 200, 300])
    #expect(samples.filter { $0.labels.metricName == "a" }.map(\.value) == [1, 2, 3])
  }

  @Test
  func `A timestamp that does not rise is a sample that was stored before, in this scrape or an earlier one`() throws {
    var target = CacheDriver()
    try target.scrape("a 1 100\na 2 100\na 3 50\n")
    #expect(target.reading.duplicates == 2)
    #expect(try target.scrape("a 1 100\n").scraped == [])
    #expect(target.reading.duplicates == 1)
    #expect(try target.scrape("a 4 101\n").scraped == ["a 4.0"])
  }

  @Test
  func `A timestamp more than ten minutes ahead of the scrape is refused and does not make later samples too old`()
    throws
  {
    var target = CacheDriver()
    for ahead in ["9223372036854775807", "602001"] {
      try target.scrape("a 1 500\n")
      #expect(try target.scrape("a 2 \(ahead)\n").scraped == [])
      #expect(target.reading.refused == 1)
      target = CacheDriver()
    }
    #expect(try target.scrape("a 1 9223372036854775807\n").scraped == [])
    #expect(try target.scrape("a 2 1500\n").scraped == ["a 2.0"])
    // Ten minutes after the third scrape, to the millisecond.
    #expect(try target.scrape("a 3 603000\n").scraped == ["a 3.0"])
    #expect(target.reading.refused == 0)
  }

  @Test
  func `Series whose timestamps stand still keep their tables`() throws {
    var target = CacheDriver()
    let body = (0..<200).map { "s\($0) 1 77\n" }.joined()
    try target.scrape(body)
    let name = target.tables[0].name
    for _ in 0..<3 {
      let samples = try target.scrape(body)
      #expect(samples.scraped == [])
      #expect(samples["scrape_series_added"]?.value == 0)
      #expect(target.tables.map(\.name) == [name])
    }
  }
}

@Suite
struct `What a cache lets go of when nothing is new` {
  @Test
  func `A series that comes after many scrapes is recognised if it was there before, and taken up if not`() throws {
    var target = CacheDriver(target: [Label("job", "j")])
    try target.scrape("a 1\nb{x=\"1\"} 2\n")
    for _ in 0..<(ScrapeCache.restAfterScrapes + 5) { try target.scrape("a 1\nb{x=\"1\"} 2\n") }
    #expect(target.cache.slotOf == nil)
    let count = target.cache.seriesCount
    // Another spelling of a known series, in another order.
    #expect(try target.scrape("b{ x=\"1\" } 3\na 4\n").scraped == [#"a{job="j"} 4.0"#, #"b{job="j",x="1"} 3.0"#])
    #expect(target.cache.seriesCount == count)
    #expect(target.cache.slotOf?.count == count)
    #expect(
      try target.scrape("c 5\nb{x=\"1\"} 6\na 7\n").scraped == [
        #"a{job="j"} 7.0"#, #"b{job="j",x="1"} 6.0"#, #"c{job="j"} 5.0"#,
      ])
    #expect(target.cache.seriesCount == count + 1)
  }

  @Test
  func
    `Between scrapes no values are kept, and a target that gets a new series now and then keeps longer what that takes`()
    throws
  {
    var target = CacheDriver()
    var body = "a 1\nb 2 77\n"
    for _ in 0...ScrapeCache.restAfterScrapes { try target.scrape(body) }
    #expect(target.cache.values == [])
    #expect(target.cache.own.isEmpty)
    #expect(target.cache.slotOf == nil)
    body += "c 3\n"
    for _ in 0...ScrapeCache.restAfterScrapes { try target.scrape(body) }
    #expect(target.cache.slotOf != nil)
    for _ in 0...ScrapeCache.restAgainAfterScrapes { try target.scrape(body) }
    #expect(target.cache.slotOf == nil)
    try target.scrape("broken{ 1\n")
    #expect(target.cache.values == [])
  }

  @Test
  func `Series keep their places through many scrapes in changing order and with gaps`() throws {
    var target = CacheDriver()
    var generator = SeededGenerator(7)
    for round in 0..<200 {
      // For some rounds nothing changes, so that things are let go of; then the order does, and series come and go.
      let isQuiet = round % 50 < 30
      var names = (0..<40).map { "m\($0)" }
      if !isQuiet {
        names.shuffle(using: &generator)
        names.removeLast(Int.random(in: 0..<10, using: &generator))
        names.append("n\(round)")
      }
      let lines = names.map { "\($0) \($0.dropFirst())\n" }.joined()
      let stored = try target.scrape(lines).filter { !ScrapeCache.reportNames.contains($0.labels.metricName) }
      let values = stored.filter { !$0.isStale }
      #expect(values.count == names.count)
      #expect(values.allSatisfy { Double($0.labels.metricName.dropFirst()) == $0.value })
    }
  }

  @Test
  func `Past the limit of samples nothing is kept, and the next scrape within it goes on`() throws {
    let labels = SampleLabels(target: [], external: [], honorLabels: false)
    var cache = ScrapeCache(labels: labels, source: 1, limits: ScrapeLimits(samples: 2))
    var reading = ScrapeCache.Reading()
    #expect(throws: ScrapeLimitError.self) {
      try cache.read(Array("a 1\nb 2\nc 3\n".utf8).span, at: UnixMilliseconds(1), reading: &reading)
    }
    #expect(reading.samples == 3)
    #expect(cache.seriesCount == ScrapeCache.reportNames.count)
    reading = .init()
    try cache.read(Array("a 1\nb 2\n".utf8).span, at: UnixMilliseconds(2), reading: &reading)
    #expect(cache.seriesCount == ScrapeCache.reportNames.count + 2)
  }
}
