import Foundation
import Testing

/// One agent, VictoriaMetrics and Prometheus at the same time; the agent is killed, and each database is away for a while. CLYMENE_SOAK_TWO_SECONDS
/// makes it long and heavy: `make soak-two` is this test for ten minutes with 100 targets of 1,000 series.
@Suite("Two databases", .serialized)
struct TwoDatabasesTests {
  private struct Load {
    var seconds = 40.0
    var kills = 2
    var targets = 5
    var series = 80
    var interval = "1s"

    init() {
      guard let text = ProcessInfo.processInfo.environment["CLYMENE_SOAK_TWO_SECONDS"], let seconds = Double(text)
      else { return }
      self.seconds = seconds
      (kills, targets, series, interval) = (5, 100, 1000, "5s")
    }
  }

  /// What a forwarder counted in all lives of the agent, as far as it was asked before each end.
  private struct Counters {
    static let names = [
      "rows_delivered_total", "rows_already_there_total", "dead_letter_rows_total", "rows_dropped_total",
      "rows_missing_total",
    ]
    var sums: [String: Double] = [:]

    mutating func add(_ metrics: [String: Double], of forwarder: String) {
      for name in Self.names {
        sums[name, default: 0] += metrics["clymene_forwarder_\(name){forwarder=\"\(forwarder)\"}"] ?? 0
      }
    }
  }

  /// A database beside the log.
  private struct Comparison {
    var samples = 0
    var pagesTwice = 0
    var differences: [String] = []

    init(_ log: LogTally, _ database: Database) throws {
      for metric in Set(log.metrics.keys.map(\.metric)) {
        let there = try database.tallies(of: metric)
        samples += there.values.reduce(0) { $0 + $1.samples }
        for (key, inLog) in log.metrics where key.metric == metric && there[key] != inLog {
          differences.append(
            "\(key.metric) of \(key.instance): \(inLog) in the log, \(there[key] ?? Tally()) in \(database.kind)")
        }
      }
      for (instance, inLog) in log.pages {
        let points = try database.points("\(LoadPage.sequenceName){job=\"bench\",instance=\"\(instance)\"}")
        let missing = inLog.subtracting(points).sorted()
        let foreign = Set(points).subtracting(inLog).sorted()
        if !missing.isEmpty || !foreign.isEmpty {
          differences.append("pages of \(instance) in \(database.kind): \(missing) missing, \(foreign) not in the log")
        }
        pagesTwice += points.count - Set(points).count
      }
    }
  }

  @Test func haveEverySampleOfTheLogAfterKillsAndOutages() async throws {
    let load = Load()
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let databases = try Database.Kind.allCases.map { try Database($0, in: folder) }
    let exporter = try LoadExporter(targets: load.targets, series: load.series)
    let agent = try LoadedAgent(
      exporter: exporter, interval: load.interval, forwarders: databases.map(\.forwarder), in: folder)
    for database in databases { try await database.start() }
    var counters: [Database.Kind: Counters] = [:]
    func count() {
      let metrics = agent.metrics()
      for kind in Database.Kind.allCases { counters[kind, default: Counters()].add(metrics, of: kind.rawValue) }
    }

    try await agent.start()
    let begin = ContinuousClock.now
    for (at, step) in OutagePlan(seconds: load.seconds, kills: load.kills).steps {
      try await Task.sleep(until: begin + .seconds(at))
      switch step {
      case .kill:
        count()
        #expect(agent.end(SIGKILL) == 128 + SIGKILL)
        try await agent.start()
      case .stop(let kind): for database in databases where database.kind == kind { database.stop() }
      case .start(let kind): for database in databases where database.kind == kind { try await database.start() }
      }
    }
    try await Task.sleep(until: begin + .seconds(load.seconds))
    count()
    #expect(agent.end(SIGTERM) == 0, "\(agent.said)")
    let served = exporter.pages
    exporter.server.stop()

    try agent.scrapeNothing()
    try await agent.start()
    let isDelivered = await eventually(seconds: 600) {
      let metrics = agent.metrics()
      return Database.Kind.allCases.allSatisfy {
        metrics["clymene_forwarder_waiting_rows{forwarder=\"\($0.rawValue)\"}"] == 0
      }
    }
    #expect(isDelivered, "\(agent.said)")
    count()
    #expect(agent.end(SIGTERM) == 0, "\(agent.said)")

    let log = try LogTally(directory: agent.log.path)
    #expect(log.pages.count == load.targets)
    expectNothingMissingWithinALife(log, kills: load.kills)
    var comparisons: [Database.Kind: Comparison] = [:]
    for database in databases {
      // VictoriaMetrics shows what it took a second later or so; a flush does not wait for one that is under way.
      _ = await eventually {
        try database.flush()
        let comparison = try Comparison(log, database)
        comparisons[database.kind] = comparison
        return comparison.differences.isEmpty
      }
      let comparison = try #require(comparisons[database.kind], "\(database.kind) does not answer")
      #expect(comparison.differences.isEmpty, "\(comparison.differences.sorted().prefix(20))")
    }
    let letters = try agent.deadLetters().count
    #expect(letters == 0)

    let samples = log.samples
    let pages = log.pages.values.reduce(0) { $0 + $1.count }
    print(
      """
      \(load.targets) targets of \(load.series) series every \(load.interval) for \(load.seconds) s, \(load.kills) kills
      log             \(samples) samples, \(pages) pages of \(served.reduce(0, +)) that were served, \
      \(log.downs.values.reduce(0, +)) scrapes without an answer, \(letters) dead letters
      """)
    for database in databases {
      let sums = counters[database.kind]?.sums ?? [:]
      let (there, twice) = (comparisons[database.kind]?.samples ?? 0, comparisons[database.kind]?.pagesTwice ?? 0)
      #expect(there == samples, "\(database.kind) has more or less than the log")
      let counted = Counters.names.map { "\(Int(sums[$0] ?? 0)) \($0.dropLast("_total".count))" }
      print(
        """
        \(database.kind.rawValue.padding(toLength: 15, withPad: " ", startingAt: 0)) \(there) samples, \
        \(samples - there) missing, \(twice) pages stored twice; \(counted.joined(separator: ", "))
        """)
    }
  }

  /// The pages of a target are numbered: a number is left out only where the agent was killed, or where a scrape had no answer in time.
  private func expectNothingMissingWithinALife(_ log: LogTally, kills: Int) {
    for (instance, pages) in log.pages {
      let numbers = pages.map(\.value).sorted()
      let gaps = zip(numbers, numbers.dropFirst()).count { $1 != $0 + 1 }
      #expect(gaps <= kills + log.downs[instance, default: 0], "\(instance): \(gaps) gaps")
    }
  }
}
