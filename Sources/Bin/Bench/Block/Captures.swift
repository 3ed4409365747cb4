import Codec
import Foundation
import Model
import Parsing

/// Real scrapes from a folder, one file each in the order of their names, thinned to the series that exist in all of them.
struct Captures {
  /// In the order of the exposition.
  let series: [Series]
  /// One array of values a capture, in the order of `series`.
  let values: [[Double]]

  init(folder: String, most: Int) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".prom") }.sorted()
    var captures: [[String: Double]] = []
    var order: [(key: String, series: Series)] = []
    for file in files.prefix(most) {
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder).appendingPathComponent(file)))
      let (samples, found) = try Captures.parse(bytes, collect: order.isEmpty)
      if order.isEmpty { order = found }
      captures.append(samples)
    }
    let kept = order.filter { entry in captures.allSatisfy { $0[entry.key] != nil } }
    series = kept.map(\.series)
    values = captures.map { capture in kept.compactMap { capture[$0.key] } }
  }

  private static func parse(
    _ bytes: [UInt8], collect: Bool
  ) throws -> ([String: Double], [(key: String, series: Series)]) {
    var samples: [String: Double] = [:]
    var order: [(String, Series)] = []
    var parser = TextParser()
    var metadata: [String: MetricMetadata] = [:]
    var key = TextSeries()
    let span = bytes.span
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    while let entry = try parser.next(in: span) {
      switch entry {
      case .type(let name, let type): metadata[text(name), default: .none].type = type
      case .help(let name, let help, _): metadata[text(name), default: .none].help = text(help)
      case .unit, .comment: break
      case .sample(let range, let value, _):
        let name = text(range)
        samples[name] = value
        guard collect else { continue }
        try key.parse(range, in: span)
        let labels = try key.labels(in: span, under: parser.lastType)
        let family = MetricFamily.of(sample: labels.metricName) { metadata[$0]?.type }
        order.append((name, Series(labels, family.flatMap { metadata[$0] } ?? .none)))
      }
    }
    return (samples, order)
  }
}

/// A target as the scraper would hand it over: labels of its own, and its values scrape by scrape.
struct BenchTarget {
  let table: SeriesTable
  let values: [[Double]]
  let source: UInt64

  /// `limit` series of the captures. The first instance has the captures' own values; further ones are virtual: what a series
  /// grew by is scaled by a factor of its own between 0.5 and 1.5 and rounded to the digits that it had, so that zstd cannot
  /// find one target in the other.
  init(_ captures: Captures, limit: Int, instance: Int, metadata: Bool) throws {
    let series = captures.series.prefix(limit).map { one in
      Series(
        Labels(one.labels.pairs + [Label("instance", "10.0.0.\(instance):9100"), Label("job", "node")]),
        metadata ? one.metadata : .none)
    }
    table = try SeriesTable(encoding: series)
    source = UInt64(instance)
    let first = captures.values[0]
    let factors = series.indices.map {
      instance == 1 ? 1 : 0.5 + Double(($0 &* 7919 &+ instance &* 104_729) % 1000) / 1000
    }
    let digits = series.indices.map { index in captures.values.map { BenchTarget.decimals($0[index]) }.max() ?? 0 }
    values = captures.values.map { capture in
      series.indices.map { index in
        if instance == 1 || !capture[index].isFinite || digits[index] > 12 { return capture[index] }
        let power = pow(10, Double(digits[index]))
        return ((first[index] + (capture[index] - first[index]) * factors[index]) * power).rounded() / power
      }
    }
  }

  private static func decimals(_ value: Double) -> Int {
    for digits in 0...12 {
      let power = pow(10, Double(digits))
      if (value * power).rounded() / power == value { return digits }
    }
    return 13
  }

  func row(_ scrape: Int, interval: Int64) -> MetricRow {
    // Start times wander by a few milliseconds, as a scraper's do.
    let jitter = Int64(scrape * 7 % 5)
    let time = UnixMilliseconds(1_700_000_000_000 + Int64(scrape) * interval + jitter + Int64(source))
    return .scrape(
      ScrapeRow(source: source, tables: [table], timestamp: time, values: values[scrape % values.count]))
  }
}
