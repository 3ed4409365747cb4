import Model
import Testing
import Wire

@testable import LooseTables

@Suite struct MetricMetadataTests {
  private let clock = TestClock()
  private let intake: MetricsIntake

  init() {
    let clock = clock
    intake = MetricsIntake(limits: PushLimits(), now: { clock.now })
  }

  private func push(_ message: SentMessage, _ version: RemoteWriteVersion) throws -> Push {
    try intake.read(message.bytes(version), as: version, tenant: .default)
  }

  private func metadata(_ message: SentMessage, _ version: RemoteWriteVersion) throws -> [String: MetricMetadata] {
    let stored = try Stored(push(message, version)).series.map { ($0.key.metricName, $0.value.metadata) }
    return Dictionary(stored) { one, _ in one }
  }

  private let histogram = MetricMetadata(type: .histogram, unit: "seconds", help: "How long it took.")
  private let samples = SentMessage([
    SentSeries("took_bucket", ["le": "1"]), SentSeries("took_count"), SentSeries("up"),
  ])

  private var families: SentMessage {
    var message = SentMessage()
    message.families = [("took", histogram)]
    return message
  }

  @Test func `metadata that comes first is given to the family's series`() throws {
    let push = try push(families, .v1)
    #expect(push.rows == nil && push.rejected.isEmpty)
    #expect(try metadata(samples, .v1) == ["took_bucket": histogram, "took_count": histogram, "up": .none])
  }

  @Test func `metadata that comes later is given to them once it has settled, and then the tables stay`() throws {
    #expect(try metadata(samples, .v1).values.allSatisfy { $0 == .none })
    _ = try push(families, .v1)
    #expect(try metadata(samples, .v1).values.allSatisfy { $0 == .none })
    clock.advance(.seconds(31))
    #expect(try metadata(samples, .v1)["took_count"] == histogram)
    let tables = try Stored(push(samples, .v1)).tables
    for _ in 0..<30 {
      clock.advance(.seconds(60))
      _ = try push(families, .v1)
      #expect(try Stored(push(samples, .v1)).tables == tables)
    }
  }

  @Test func `metadata that changes all the time does not make tables all the time`() throws {
    var tables: [Set<String>] = []
    for minute in 0..<60 {
      var message = families
      message.families[0].metadata.help = "Minute \(minute)"
      _ = try push(message, .v1)
      clock.advance(.seconds(60))
      tables.append(Set(try Stored(push(samples, .v1)).tables.map { "\($0)" }))
    }
    // Three series without an instance are up to three groups; each is made again every ten minutes at most.
    let count = tables.reduce(into: Set<String>()) { $0.formUnion($1) }.count
    #expect(count > 3 && count <= 3 * 8, "\(count) tables")
  }

  @Test func `targets that say different things of one family neither make tables nor use up the budget`() throws {
    _ = try push(samples, .v1)
    var other = families
    other.families[0].metadata.help = "How long it took, said at greater length by a later release."
    var tables: [Set<String>] = []
    var held: Set<Int> = []
    for _ in 0..<90 {
      _ = try push(families, .v1)
      clock.advance(.seconds(31))
      _ = try push(other, .v1)
      clock.advance(.seconds(29))
      tables.append(Set(try Stored(push(samples, .v1)).tables.map { "\($0)" }))
      held.insert(intake.counts.held)
    }
    #expect(Set(tables.dropFirst(2)).count == 1)
    #expect(held.count == 1)
    #expect(try metadata(samples, .v1)["took_count"] == histogram)
  }

  @Test func `what is said no longer gives way to what is said now`() throws {
    _ = try push(families, .v1)
    var other = families
    other.families[0].metadata.help = "Another one."
    for _ in 0..<5 {
      clock.advance(.seconds(60))
      _ = try push(other, .v1)
    }
    clock.advance(.seconds(31))
    #expect(try metadata(samples, .v1)["took_count"] == other.families[0].metadata)
  }

  @Test func `a family that changes takes of the budget what its last text takes`() {
    let budget = SeriesBudget(limit: 20)
    let memory = FamilyMemory(budget)
    let short = MetricMetadata(type: .gauge, help: "short")
    let long = MetricMetadata(type: .gauge, help: String(repeating: "x", count: 4000))
    for _ in 0..<100 {
      #expect(memory.note("family", long, now: clock.now, replacing: true))
      #expect(budget.inUse == 8)
      #expect(memory.note("family", short, now: clock.now, replacing: true))
      #expect(budget.inUse == 1)
    }
  }

  @Test func `a help that is not UTF-8 is mended, and what came with it taken`() throws {
    var message = families
    message.families[0].metadata.help = "Za~hler"
    message.series = samples.series
    let body = message.bytes(.v1).map { $0 == UInt8(ascii: "~") ? 0xE4 : $0 }
    let push = try intake.read(body, as: .v1, tenant: .default)
    #expect(push.written.samples == 3 && push.rejected.isEmpty)
    let stored = try Stored(push).series.first { $0.key.metricName == "took_count" }
    #expect(stored?.value.metadata.help == "Za\u{FFFD}hler")
  }

  @Test func `many series that refer to one long help do not become gigabytes of it`() throws {
    let help = String(repeating: "h", count: FamilyMemory.limitHelpBytes)
    let message = SentMessage(
      (0..<9000).map { number in
        var series = SentSeries("m", ["n": "\(number)"])
        series.metadata = MetricMetadata(type: .gauge, unit: help, help: help)
        return series
      })
    let push = try push(message, .v2)
    let left = push.rejected.reduce(0) { $0 + $1.count }
    #expect(push.written.samples + left == 9000)
    #expect(
      push.written.samples * help.utf8.count * 2 <= MetricsIntake.limitNewTextBytes && push.written.samples > 8000)
    #expect(push.rejected.count == 1 && push.rejected.allSatisfy(\.isTemporary))
  }

  @Test func `metadata of a series that comes along is kept, and followed when it changes`() throws {
    var series = SentSeries("took", ["a": "b"])
    series.metadata = histogram
    #expect(try metadata(SentMessage([series]), .v2) == ["took": histogram])
    series.metadata.help = "How long it takes."
    #expect(try metadata(SentMessage([series]), .v2) == ["took": histogram])
    clock.advance(.seconds(31))
    #expect(try metadata(SentMessage([series]), .v2) == ["took": series.metadata])
    let tables = try Stored(push(SentMessage([series]), .v2)).tables
    clock.advance(.seconds(700))
    #expect(try Stored(push(SentMessage([series]), .v2)).tables == tables)
  }

  @Test func `what is remembered of families is bounded`() throws {
    let memory = FamilyMemory(SeriesBudget(limit: 1000))
    let noted = (0..<5000).filter {
      memory.note("family_\($0)", MetricMetadata(type: .gauge, help: "x"), now: clock.now)
    }
    #expect(noted.count == 1000)
    #expect(memory.note("family_1", MetricMetadata(type: .counter), now: clock.now))
    let long = MetricMetadata(type: .gauge, help: String(repeating: "x", count: FamilyMemory.limitHelpBytes + 1))
    #expect(!memory.note("family_1", long, now: clock.now))
  }
}
