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
