import Codec
import Foundation
import Model

/// What there is of one metric of one target. Counted from the log, and by a database's own queries.
struct Tally: Equatable {
  struct Key: Hashable {
    var instance: String
    var metric: String

    /// The exporter's own metrics have values that add up exactly in any order.
    var hasExactSum: Bool { metric.hasPrefix("bench_") }
  }

  /// Without ends of series.
  var samples = 0
  /// Of the values; 0 where it is not exact.
  var sum = 0.0
  /// Series that have a sample.
  var series = 0
}

/// What the log holds of the job `bench`.
final class LogTally {
  private(set) var metrics: [Tally.Key: Tally] = [:]
  /// The samples of each target's counter of pages.
  private(set) var pages: [String: Set<Database.Point>] = [:]
  /// Scrapes of each target that had no answer.
  private(set) var downs: [String: Int] = [:]

  var samples: Int { metrics.values.reduce(0) { $0 + $1.samples } }

  /// The series of a scrape: of each its place in `keys`.
  private struct Names {
    var labels: [Labels]
    var isBench: Bool
    var keys: [Tally.Key]
    var keyOfSeries: [Int]
  }

  private var known: [[TableName]: Names] = [:]
  private var seen: Set<Labels> = []

  init(directory: String) throws {
    try LogContents.forEachMatrix(in: directory) { tables, series, matrix in
      let names = try self.known[tables] ?? Self.names(try series())
      self.known[tables] = names
      if names.isBench { self.add(matrix, names) }
    }
  }

  private static func names(_ labels: [Labels]) -> Names {
    func value(_ name: String, _ labels: Labels) -> String { labels.pairs.first { $0.name == name }?.value ?? "" }
    var names = Names(
      labels: labels, isBench: labels.contains { value("job", $0) == "bench" }, keys: [], keyOfSeries: [])
    var places: [Tally.Key: Int] = [:]
    for labels in labels {
      let key = Tally.Key(instance: value("instance", labels), metric: value("__name__", labels))
      let place = places[key] ?? names.keys.count
      if place == names.keys.count {
        places[key] = place
        names.keys.append(key)
      }
      names.keyOfSeries.append(place)
    }
    return names
  }

  private func add(_ matrix: MatrixGroup, _ names: Names) {
    var tallies = [Tally](repeating: Tally(), count: names.keys.count)
    var has = [Bool](repeating: false, count: names.labels.count)
    matrix.forEachSample { series, _, timestamp, value in
      guard !StaleMarker.matches(value) else { return }
      has[series] = true
      let place = names.keyOfSeries[series]
      let key = names.keys[place]
      tallies[place].samples += 1
      if key.hasExactSum { tallies[place].sum += value }
      if key.metric == LoadPage.sequenceName {
        pages[key.instance, default: []].insert(Database.Point(timestamp: timestamp, value: value))
      }
      if key.metric == "up", value == 0 { downs[key.instance, default: 0] += 1 }
    }
    // A series may be in several tables of a target, one after the other.
    for (series, isThere) in has.enumerated() where isThere && seen.insert(names.labels[series]).inserted {
      tallies[names.keyOfSeries[series]].series += 1
    }
    for (key, tally) in zip(names.keys, tallies) where tally.samples > 0 {
      metrics[key, default: Tally()].samples += tally.samples
      metrics[key, default: Tally()].sum += tally.sum
      metrics[key, default: Tally()].series += tally.series
    }
  }
}

extension Database {
  /// What it has of a metric of the job `bench`, by instance.
  func tallies(of metric: String) throws -> [Tally.Key: Tally] {
    let range = "{__name__=\"\(metric)\",job=\"bench\"}[2h]"
    var found: [Tally.Key: Tally] = [:]
    func each(_ query: String, _ set: (inout Tally, Double) -> Void) throws {
      for (instance, value) in try numbers(query, by: "instance") {
        set(&found[Tally.Key(instance: instance, metric: metric), default: Tally()], value)
      }
    }
    try each("sum by (instance) (count_over_time(\(range)))") { $0.samples = Int($1) }
    try each("count by (instance) (count_over_time(\(range)))") { $0.series = Int($1) }
    if Tally.Key(instance: "", metric: metric).hasExactSum {
      try each("sum by (instance) (sum_over_time(\(range)))") { $0.sum = $1 }
    }
    return found
  }
}
