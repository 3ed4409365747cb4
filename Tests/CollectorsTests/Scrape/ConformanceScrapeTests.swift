import Codec
import Foundation
import HTTP
import Model
import Parsing
import ScrapeTables
import Testing

@testable import Collectors

/// Other projects' cases about scraping, as far as what they need is built. What a case needs is read off its fields.
@Suite(.enabled(if: ConformanceFiles.areThere), .timeLimit(.minutes(2)))
struct ConformanceScrape {
  static func all(_ suite: String) -> [ConformanceFiles.Case] {
    ConformanceFiles.cases("03-scrape-config", suites: [suite])
  }

  static func built(_ suite: String, _ missing: (ConformanceFiles.Case) -> String?) -> [ConformanceFiles.Case] {
    all(suite).filter { missing($0) == nil }
  }

  @Test
  func `The cases left out are left out for what they need`() {
    let left: [(String, (ConformanceFiles.Case) -> String?)] = [
      ("scrape-semantics", Self.missingForSemantics), ("victoriametrics-honor-labels", Self.missingForHonorLabels),
      ("victoriametrics-scrapework", Self.missingForScrapeWork), ("target-labels", Self.missingForTargetLabels),
    ]
    for (suite, missing) in left {
      let cases = Self.all(suite)
      let skipped = cases.compactMap { one in missing(one).map { "\(one.name): \($0)" } }
      print("ConformanceScrape: \(suite): \(cases.count - skipped.count) of \(cases.count) cases are run")
      for line in skipped { print("  left out: \(line)") }
      #expect(skipped.count < cases.count || cases.isEmpty)
    }
  }

  // Prometheus: one or several scrapes of a target.

  static func missingForSemantics(_ one: ConformanceFiles.Case) -> String? {
    let built: Set = [
      "honor_labels", "honor_timestamps", "extra_scrape_metrics", "label_limit", "label_name_length_limit",
      "label_value_length_limit",
    ]
    if let key = one.object("config").keys.first(where: { !built.contains($0) }) { return "config \(key)" }
    if let type = one.text("content_type"), type != "text/plain" { return "format \(type)" }
    let hasAnswer = ["body", "body_b64", "scrapes", "response_status"].contains { one.fields[$0] != nil }
    return hasAnswer ? nil : "no answer to scrape"
  }

  @Test(arguments: built("scrape-semantics", missingForSemantics))
  func `Prometheus' scrape semantics`(_ one: ConformanceFiles.Case) async throws {
    let config = one.object("config")
    let type = (one.fields["response_content_type"] ?? one.fields["content_type"] ?? "text/plain") as? String ?? ""
    let bodies: [[UInt8]?]
    if let scrapes = one.fields["scrapes"] as? [String] {
      bodies = scrapes.map { $0 == "<connection error>" ? nil : Array($0.utf8) }
    } else if let encoded = one.text("body_b64") {
      bodies = [Array(try #require(Data(base64Encoded: encoded)))]
    } else {
      bodies = [Array((one.text("body") ?? "").utf8)]
    }
    let status = one.fields["response_status"] as? Int ?? 200
    let next = Bodies(bodies)
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil {
        guard let body = next.take() else {
          connection.reset()
          return
        }
        connection.answer(body, status: "\(status) Text", contentType: type.isEmpty ? nil : type)
      }
    }
    let labels = one.labels("target_labels").map { Label($0.key, $0.value) }
    var job = ScrapeJob(name: "j", targets: [], interval: .seconds(1), timeout: .seconds(5))
    job.honorLabels = config["honor_labels"] as? Bool ?? false
    job.honorTimestamps = config["honor_timestamps"] as? Bool ?? true
    job.labelLimit = config["label_limit"] as? Int ?? 0
    job.labelNameLimit = config["label_name_length_limit"] as? Int ?? 0
    job.labelValueLimit = config["label_value_length_limit"] as? Int ?? 0
    let http = HTTPSession()
    var scraper = TargetScraper(
      TargetIdentity(ScrapeTarget(address: server.address, labels: labels), of: job), of: job, http: http,
      userAgent: "test")

    var samples: [[MemorySink.Sample]] = []
    var failures: [String?] = []
    for at in bodies.indices {
      let result = try #require(await scraper.scrape(at: UnixMilliseconds(Int64(at + 1) * 60_000)))
      failures.append(result.failure)
      samples.append(try MemorySink.samples(result.rows).map { $0.without(["job", "instance"], unless: labels) })
    }
    await http.close()
    try check(one.object("expect"), samples, failures)
  }

  private func check(
    _ expect: [String: Any], _ samples: [[MemorySink.Sample]], _ failures: [String?]
  ) throws {
    let scraped = samples.flatMap { $0 }.filter { !ScrapeCache.reportNames.contains($0.labels.metricName) }
    for (key, value) in expect {
      switch key {
      case "series_labels":
        #expect(
          scraped.map { Dictionary(uniqueKeysWithValues: $0.labels.pairs.map { ($0.name, $0.value) }) } == [
            value as? [String: String]
          ])
      case "scrape_fails":
        #expect((failures.last != .some(nil)) == (value as? Bool))
      case "error_contains":
        let failure = try #require(failures.last ?? nil)
        #expect(failure.contains(try #require(value as? String)))
      case "note": break
      case "series":
        let names = Set(samples.flatMap { $0 }.map(\.labels.metricName))
        let wanted = try #require(value as? [String]).filter { !$0.hasSuffix("(extra)") }
        for name in wanted { #expect(names.contains(name)) }
      case "samples":
        let wanted = try #require(value as? [[String: Any]])
        #expect(scraped.count == wanted.count)
        for (sample, want) in zip(scraped, wanted) {
          #expect(
            Dictionary(uniqueKeysWithValues: sample.labels.pairs.map { ($0.name, $0.value) }) == want["labels"]
              as? [String: String])
          #expect(sample.value == (want["value"] as? NSNumber)?.doubleValue)
          if let time = want["timestamp_ms"] as? NSNumber { #expect(sample.timestamp == time.int64Value) }
        }
      default:
        // A series by its name, and its samples in all scrapes together.
        let stored = samples.flatMap { $0 }.filter { $0.labels.metricName == key }
        let wanted = value as? [Any] ?? [value]
        // `up` of a run of several scrapes may be told for its end only.
        let compared = value is [Any] ? stored[...] : stored.suffix(1)
        #expect(compared.count == wanted.count)
        for (sample, want) in zip(compared, wanted) {
          if let text = want as? String {
            #expect(text.hasPrefix("StaleNaN"))
            #expect(sample.isStale)
          } else if let fields = want as? [String: Any] {
            #expect(sample.value == (fields["value"] as? NSNumber)?.doubleValue)
            #expect(sample.timestamp == (fields["timestamp_ms"] as? NSNumber)?.int64Value)
          } else {
            #expect(sample.value == (want as? NSNumber)?.doubleValue)
          }
        }
      }
    }
  }

  // VictoriaMetrics: label conflicts.

  private static func labels(_ text: String) throws -> [Label] {
    if text == "{}" { return [] }
    let named = text.hasPrefix("{") ? "nameless" + text : text
    let bytes = Array(named.utf8)
    var series = TextSeries()
    try series.parse(0..<bytes.count, in: bytes.span)
    return series.pairs(in: bytes.span, under: .unknown).filter { $0.value != "nameless" }
  }

  /// Where a scraped label gives way and its new name is scraped, too, VictoriaMetrics renames both; Prometheus keeps the second.
  static func missingForHonorLabels(_ one: ConformanceFiles.Case) -> String? {
    guard one.fields["honor_labels"] as? Bool == false, let scraped = try? labels(one.text("scraped_labels") ?? ""),
      let target = try? labels(one.text("target_labels") ?? "")
    else { return nil }
    let names = Set(scraped.map(\.name))
    let conflict = target.contains { names.contains($0.name) && names.contains("exported_" + $0.name) }
    return conflict ? "both a label and its exported_ name scraped: other rules than Prometheus'" : nil
  }

  @Test(arguments: built("victoriametrics-honor-labels", missingForHonorLabels))
  func `VictoriaMetrics' label conflicts`(_ one: ConformanceFiles.Case) throws {
    let rules = SampleLabels(
      target: try Self.labels(try #require(one.text("target_labels"))), external: [],
      honorLabels: try #require(one.fields["honor_labels"] as? Bool))
    let stored = rules.stored(try Self.labels(try #require(one.text("scraped_labels"))))
    #expect(stored == Labels(try Self.labels(try #require(one.text("expect")))))
  }

  // VictoriaMetrics: whole scrapes.

  static func missingForScrapeWork(_ one: ConformanceFiles.Case) -> String? {
    let built: Set = ["HonorLabels", "HonorTimestamps", "Labels", "ScrapeTimeout"]
    if let key = one.object("scrape_work").keys.first(where: { !built.contains($0) }) { return "setting \(key)" }
    let body = one.text("body") ?? ""
    let clash = ScrapeCache.reportNames.contains { name in
      body.split(separator: "\n").contains { $0.split(whereSeparator: { " \t{".contains($0) }).first == name[...] }
    }
    return clash ? "a scraped name that a report has: other rules than Prometheus'" : nil
  }

  @Test(arguments: built("victoriametrics-scrapework", missingForScrapeWork))
  func `VictoriaMetrics' whole scrapes`(_ one: ConformanceFiles.Case) throws {
    let work = one.object("scrape_work")
    let target = (work["Labels"] as? [String: String] ?? [:]).map { Label($0.key, $0.value) }
    let rules = SampleLabels(
      target: Labels(target).pairs, external: [], honorLabels: work["HonorLabels"] as? Bool ?? false)
    var cache = ScrapeCache(labels: rules, source: 1, honorTimestamps: work["HonorTimestamps"] as? Bool ?? false)
    var reading = ScrapeCache.Reading()
    try cache.read(Array((one.text("body") ?? "").utf8).span, at: UnixMilliseconds(.max), reading: &reading)
    let report = ScrapeCache.Report(
      isUp: true, durationSeconds: 0, samples: reading.samples, samplesKept: reading.samples)
    let stored = try MemorySink.samples(try cache.rows(at: UnixMilliseconds(123), report))

    let rest = try #require(one.fields["rest"] as? [Any])
    var expected: Set<MemorySink.Sample> = []
    let bytes = Array(try #require(rest.first as? String).utf8)
    var parser = TextParser()
    var series = TextSeries()
    while let entry = try parser.next(in: bytes.span) {
      guard case .sample(let key, let value, let timestamp) = entry else { continue }
      try series.parse(key, in: bytes.span)
      let labels = try series.labels(in: bytes.span, under: .unknown)
      let isReport = labels.metricName.hasPrefix("scrape_") && !ScrapeCache.reportNames.contains(labels.metricName)
      if !isReport { expected.insert(MemorySink.Sample(labels, try #require(timestamp).rawValue, value)) }
    }
    #expect(Set(stored) == expected)
  }

  // Prometheus: the labels of targets.

  static func missingForTargetLabels(_ one: ConformanceFiles.Case) -> String? {
    let given = one.labels("labels_from_sd")
    if given["__address__"] == nil { return "relabelling" }
    let built: Set = ["__address__", "__scheme__", "__metrics_path__"]
    return given.keys.first { $0.hasPrefix("__") && !built.contains($0) }.map { "label \($0)" }
  }

  @Test(arguments: built("target-labels", missingForTargetLabels))
  func `Prometheus' target labels`(_ one: ConformanceFiles.Case) throws {
    let config = one.object("config")
    var job = ScrapeJob(name: try #require(config["job_name"] as? String), targets: [])
    job.scheme = try #require(config["scheme"] as? String)
    job.metricsPath = try #require(config["metrics_path"] as? String)
    let given = one.labels("labels_from_sd")
    let identity = TargetIdentity(
      ScrapeTarget(address: "unused:1", labels: given.map { Label($0.key, $0.value) }), of: job)
    let expected = try #require(one.object("expect")["labels_after_relabel"] as? [String: String])
    let visible = expected.filter { !$0.key.hasPrefix("__") }
    #expect(Dictionary(uniqueKeysWithValues: identity.labels.map { ($0.name, $0.value) }) == visible)
    let place = ["__scheme__", "__address__", "__metrics_path__"].map { expected[$0] ?? "" }
    #expect(identity.url == "\(place[0])://\(place[1])\(place[2])")
  }
}

extension MemorySink.Sample {
  /// Without labels that the case's target does not have.
  fileprivate func without(_ names: [String], unless given: [Label]) -> Self {
    let removed = names.filter { name in !given.contains { $0.name == name } }
    return Self(Labels(labels.pairs.filter { !removed.contains($0.name) }), timestamp, value)
  }
}
