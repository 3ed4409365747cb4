import Codec
import Foundation
import Model

/// What there is of one target, counted in the same way in the log and in a database.
struct TargetTally: Equatable {
  /// Samples without ends of series.
  var samples = 0
  /// Of the exporter's own families, whose values add up exactly.
  var sum = 0.0
  /// Series that have a sample.
  var series = 0
  /// Of the target's counter of pages.
  var pages: Set<Database.Point> = []

  /// By instance, of the job `bench`; `downs` are scrapes without an answer.
  static func ofLog(in directory: String) throws -> (targets: [String: TargetTally], downs: [String: Int]) {
    let reading = Reading()
    try LogContents.forEachMatrix(in: directory) { tables, series, matrix in
      let names = try reading.names(tables, series)
      guard names.job == "bench" else { return }
      reading.add(matrix, names)
    }
    for (instance, seen) in reading.seen { reading.targets[instance]?.series = seen.count }
    return (reading.targets, reading.downs)
  }

  /// By the database's own queries.
  static func of(_ instance: String, in database: Database) throws -> (tally: TargetTally, pagesTwice: Int) {
    let all = "job=\"bench\",instance=\"\(instance)\""
    let points = try database.points("\(LoadPage.sequenceName){\(all)}")
    let tally = TargetTally(
      samples: Int(try database.number("sum(count_over_time({\(all)}[2h]))")),
      sum: try database.number("sum(sum_over_time({\(all),__name__=~\"bench_.*\"}[2h]))"),
      series: Int(try database.number("count(count_over_time({\(all)}[2h]))")), pages: Set(points))
    return (tally, points.count - tally.pages.count)
  }

  /// What a walk over the log has gathered.
  private final class Reading {
    /// The series of one scrape's tables.
    struct Names {
      var job = ""
      var instance = ""
      var labels: [Labels]
      var isOwn: [Bool]
      /// Places of the counter of pages and of `up`.
      var pages: Int?
      var up: Int?
    }

    var targets: [String: TargetTally] = [:]
    var downs: [String: Int] = [:]
    var seen: [String: Set<Labels>] = [:]
    private var known: [[TableName]: Names] = [:]

    func names(_ tables: [TableName], _ series: () throws -> [Labels]) throws -> Names {
      if let names = known[tables] { return names }
      func value(_ name: String, _ labels: Labels) -> String {
        labels.pairs.first { $0.name == name }?.value ?? ""
      }
      let labels = try series()
      let metrics = labels.map { value("__name__", $0) }
      let names = Names(
        job: labels.first.map { value("job", $0) } ?? "", instance: labels.first.map { value("instance", $0) } ?? "",
        labels: labels, isOwn: metrics.map { $0.hasPrefix("bench_") },
        pages: metrics.firstIndex(of: LoadPage.sequenceName), up: metrics.firstIndex(of: "up"))
      known[tables] = names
      return names
    }

    func add(_ matrix: MatrixGroup, _ names: Names) {
      var (samples, sum) = (0, 0.0)
      var has = [Bool](repeating: false, count: names.labels.count)
      matrix.forEachSample { series, _, timestamp, value in
        guard !StaleMarker.matches(value) else { return }
        samples += 1
        has[series] = true
        if names.isOwn[series] { sum += value }
        if series == names.pages {
          targets[names.instance, default: TargetTally()].pages
            .insert(Database.Point(timestamp: timestamp, value: value))
        }
        if series == names.up, value == 0 { downs[names.instance, default: 0] += 1 }
      }
      targets[names.instance, default: TargetTally()].samples += samples
      targets[names.instance, default: TargetTally()].sum += sum
      // Nearly always all of them, and all of them known.
      for (series, isThere) in has.enumerated() where isThere {
        seen[names.instance, default: []].insert(names.labels[series])
      }
    }
  }
}
