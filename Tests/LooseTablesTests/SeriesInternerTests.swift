import Codec
import Model
import Testing
import Wire

@testable import LooseTables

@Suite struct SeriesInternerTests {
  private let clock = TestClock()

  private func intake(_ change: (inout PushLimits) -> Void = { _ in }) -> MetricsIntake {
    var limits = PushLimits()
    change(&limits)
    return MetricsIntake(limits: limits, now: { [clock] in clock.now })
  }

  private func series(_ numbers: Range<Int>, instance: Int = 1) -> SentMessage {
    SentMessage(numbers.map { SentSeries("m", ["instance": "\(instance)", "n": "\($0)"], [(Int64($0), 1)]) })
  }

  private func push(_ message: SentMessage, _ intake: MetricsIntake) throws -> Push {
    try intake.read(message.bytes(.v1), as: .v1, tenant: .default)
  }

  @Test func `a full group is one table of 4,096 series and stays`() throws {
    let intake = intake()
    for start in stride(from: 0, to: 10_000, by: 1000) { _ = try push(series(start..<start + 1000), intake) }
    let first = try Stored(push(series(0..<10_000), intake))
    #expect(first.series.count == 10_000)
    #expect(first.rowCount == 3)
    #expect(first.tables.count <= 2 + 4)
    for _ in 0..<5 {
      clock.advance(.seconds(60))
      #expect(try Stored(push(series(0..<10_000), intake)).tables == first.tables)
    }
  }

  @Test func `tables that grew one series at a time were made few times, are few, and become one when they rest`()
    throws
  {
    let intake = intake()
    var tables: Set<TableName> = []
    var written = 0
    for number in 0..<600 {
      for table in try push(series(number..<number + 1), intake).tables where tables.insert(table.name).inserted {
        written += table.seriesCount
      }
    }
    let grown = try Stored(push(series(0..<600), intake))
    #expect(grown.series.count == 600)
    #expect(grown.tables.count <= 4)
    // A table for each with all before it would have written 180,000.
    #expect(written < 600 * 20, "\(written) series written in tables")

    clock.advance(.seconds(601))
    let rested = try Stored(push(series(0..<1), intake))
    #expect(rested.tables.count == 1)
    #expect(try Stored(push(series(0..<600), intake)).series.count == 600)
  }

  @Test func `a new series past the limit is left out for now, and known ones are taken`() throws {
    let intake = intake { $0.seriesPerTenant = 10 }
    #expect(try push(series(0..<10), intake).rejected.isEmpty)
    let over = try push(series(0..<12), intake)
    #expect(over.written.samples == 10)
    #expect(over.rejected.map(\.count) == [2])
    #expect(over.rejected.first?.isTemporary == true)

    // An hour later the old ones count no more.
    clock.advance(.seconds(3600 + 120))
    #expect(try push(series(20..<30), intake).rejected.isEmpty)
    #expect(intake.counts.alive == 10)
    // One that comes back has to find room like a new one.
    #expect(try push(series(0..<1), intake).rejected.map(\.isTemporary) == [true])
  }

  @Test func `all tenants together have a limit`() throws {
    let intake = intake { $0.seriesOfAllTenants = 200 }
    let a = try #require(Tenant("a"))
    let b = try #require(Tenant("b"))
    let first = try intake.read(series(0..<130).bytes(.v1), as: .v1, tenant: a)
    #expect(first.rejected.isEmpty)
    // A tenant takes room by being there, and so do its series.
    #expect(throws: PushError.self) { try intake.read(series(0..<1).bytes(.v1), as: .v1, tenant: b) }
    let more = try intake.read(series(0..<140).bytes(.v1), as: .v1, tenant: a)
    #expect(more.written.samples == 136)
    #expect(more.rejected.map(\.isTemporary) == [true])
  }

  @Test func `series that come and go do not add up`() throws {
    let intake = intake()
    var held = 0
    for hour in 0..<12 {
      for quarter in 0..<4 {
        let start = (hour * 4 + quarter) * 500
        _ = try push(series(start..<start + 500), intake)
        // Some that stay.
        _ = try push(series(0..<100, instance: 2), intake)
        clock.advance(.seconds(900))
      }
      #expect(intake.counts.alive <= 6 * 500 + 100)
      held = max(held, intake.counts.held)
    }
    #expect(held < 2 * (6 * 500 + 100) + 4096)
    #expect(try Stored(push(series(0..<100, instance: 2), intake)).series.count == 100)
  }

  @Test func `a tenant that is silent is forgotten`() throws {
    let intake = intake()
    let a = try #require(Tenant("a"))
    _ = try intake.read(series(0..<100).bytes(.v1), as: .v1, tenant: a)
    clock.advance(.seconds(3600 + 400))
    _ = try push(series(0..<1), intake)
    #expect(intake.counts.tenants == 1)
    #expect(intake.counts.held == 1 + SeriesBudget.unitsOfTenant)
    #expect(try intake.read(series(0..<100).bytes(.v1), as: .v1, tenant: a).written.samples == 100)
  }

  @Test func `a series keeps its source when its table turns and in another process`() throws {
    let message = series(0..<50)
    let first = intake()
    let before = try Stored(push(message, first))
    clock.advance(.seconds(4000))
    _ = try push(series(1000..<1100), first)
    let after = try Stored(push(message, first))
    let elsewhere = try Stored(push(message, intake()))
    for labels in before.series.keys {
      #expect(before.series[labels]?.sources.count == 1)
      #expect(before.series[labels]?.sources == after.series[labels]?.sources)
      #expect(before.series[labels]?.sources == elsewhere.series[labels]?.sources)
    }
  }

  @Test func `sources of targets are spread`() throws {
    let lanes = (0..<1000).map { SeriesLane.of(Labels([Label("instance", "host\($0)"), Label("job", "a")])) }
    #expect(Set(lanes) == Set(0..<SeriesLane.count))
    #expect(Set((0..<SeriesLane.count).map(SeriesLane.source(of:))).count == SeriesLane.count)
  }

  @Test func `a sender that shuffles its labels does not fill the memory with spellings`() throws {
    let intake = intake()
    var random = SeededGenerator(seed: 1)
    let labels = [Label("__name__", "m")] + (0..<8).map { Label("l\($0)", "v") }
    for _ in 0..<1000 {
      let push = try push(SentMessage([SentSeries(labels.shuffled(using: &random), [(1, 1)])]), intake)
      #expect(push.written.samples == 1)
    }
    #expect(intake.counts.alive == 1)
    #expect(intake.keyCount(of: .default) <= 4)
  }

  @Test func `many threads at once get the same places`() async throws {
    let intake = intake()
    let stored = try await withThrowingTaskGroup(of: [Push].self) { group in
      for task in 0..<8 {
        group.addTask {
          let tenant = task % 4 == 0 ? Tenant("other") ?? .default : .default
          return try (0..<40).map { step in
            let start = (step * 7 + task) % 20 * 100
            let message = SentMessage(
              (start..<start + 300).map {
                SentSeries("m", ["instance": "\($0 / 500)", "n": "\($0)"], [(Int64(task * 1000 + step), 1)])
              })
            return try intake.read(
              message.bytes(step % 2 == 0 ? .v1 : .v2), as: step % 2 == 0 ? .v1 : .v2, tenant: tenant)
          }
        }
      }
      var all: [Push] = []
      for try await pushes in group { all += pushes }
      return all
    }
    var contents = Stored()
    for push in stored { try contents.add(push) }
    #expect(contents.series.values.reduce(0) { $0 + $1.samples.count } == 8 * 40 * 300)
    #expect(contents.series.count == 2200)
    #expect(intake.counts.alive == 2200 * 2)
    #expect(stored.allSatisfy { $0.rejected.isEmpty })
  }
}

extension Push {
  var tables: [SeriesTable] {
    guard case .metrics(let rows)? = rows?.rows else { return [] }
    return rows.flatMap { row -> [SeriesTable] in
      switch row {
      case .loose(let row): row.tables
      case .scrape(let row): row.tables
      }
    }
  }
}
