import Codec
import Model
import Testing
import Wire

@testable import LooseTables

@Suite struct LogsIntakeTests {
  /// A batch as text: `{a="b"} 5 line {k="v"}`, in order.
  static func told(_ push: Push) throws -> [String] {
    guard let rows = push.rows, case .logs(let parts) = rows.rows else { return [] }
    var told: [String] = []
    for part in parts {
      let streams = try part.tables.flatMap { try $0.decode() }
      for entry in part.entries {
        let labels = String(decoding: LokiLabels.text(of: streams[Int(entry.stream)].labels), as: UTF8.self)
        let metadata =
          entry.entry.structuredMetadata.isEmpty
          ? "" : " " + entry.entry.structuredMetadata.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        told.append(
          "\(labels) \(entry.entry.timestamp.rawValue) \(String(decoding: entry.entry.line, as: UTF8.self))\(metadata)")
      }
    }
    return told
  }

  static func json(_ streams: String) -> [UInt8] { Array(#"{"streams":[\#(streams)]}"#.utf8) }

  static func stream(_ labels: String, _ entries: String...) -> String {
    #"{"stream":\#(labels),"values":[\#(entries.enumerated().map { "[\"\($0.offset)\",\"\($0.element)\"]" }.joined(separator: ","))]}"#
  }

  private static func read(_ intake: LogsIntake, _ streams: String...) throws -> Push {
    try intake.read(lokiJSON: json(streams.joined(separator: ",")), tenant: .default)
  }

  @Test func aPushBecomesRowsInItsOrder() throws {
    let intake = LogsIntake(limits: PushLimits())
    let push = try Self.read(
      intake, Self.stream(#"{"job":"a"}"#, "x", "y"), Self.stream(#"{"job":"b","instance":"i"}"#, "z"),
      Self.stream(#"{"job":"a"}"#, "w"))
    #expect(
      try Self.told(push).filter { $0.hasPrefix(#"{job="a"}"#) }
        == [#"{job="a"} 0 x"#, #"{job="a"} 1 y"#, #"{job="a"} 0 w"#])
    #expect(try Self.told(push).contains(#"{instance="i", job="b"} 0 z"#))
    #expect(push.written.entries == 4 && push.rejected.isEmpty && push.rows?.rowCount == 4)
  }

  @Test func theSameStreamKeepsItsPlaceHoweverItIsSpelt() throws {
    let intake = LogsIntake(limits: PushLimits())
    func place(_ push: Push) throws -> (TableName, UInt32) {
      guard case .logs(let parts)? = push.rows?.rows else { throw PushError.invalid("no rows") }
      return (try #require(parts.first?.tables.first?.name), try #require(parts.first?.entries.first?.stream))
    }
    let first = try place(try Self.read(intake, Self.stream(#"{"b":"2","a":"1"}"#, "x")))
    let second = try place(try Self.read(intake, Self.stream(#"{"a":"1","b":"2"}"#, "y")))
    let old = Self.json(#"{"labels":"{b=`2`, a='1',}","entries":[{"ts":"1970-01-01T00:00:00Z","line":"z"}]}"#)
    let third = try place(try intake.read(lokiJSON: old, tenant: .default))
    #expect(first == second && second == third)
    #expect(intake.counts.alive == 1)
  }

  @Test func whatCannotBeTakenIsLeftOutAndTold() throws {
    var limits = PushLimits()
    limits.lineBytes = 3
    limits.labelsPerSeries = 2
    limits.labelValueBytes = 4
    let intake = LogsIntake(limits: limits)
    let push = try Self.read(
      intake, Self.stream("{}", "a", "b"), Self.stream(#"{"a":""}"#, "c"), Self.stream(#"{"a":"1"}"#, "abcd", "ok"),
      Self.stream(#"{"a":"1","b":"2","c":"3"}"#, "d"), Self.stream(#"{"a":"12345"}"#, "e"),
      Self.stream(#"{"":"x"}"#, "f"),
      #"{"labels":"{a=}","entries":[{"ts":"1970-01-01T00:00:00Z","line":"g"},{"ts":"0001-01-01T00:00:00Z","line":"h"}]}"#,
      #"{"stream":{"a":"1"},"values":[["7","i",{"k":"12345"}],["8","j",{"k":"v"}]]}"#)
    #expect(try Self.told(push) == [#"{a="1"} 1 ok"#, #"{a="1"} 8 j k=v"#])
    #expect(push.written.entries == 2)
    #expect(push.rejected.reduce(0) { $0 + $1.count } == 10)
    #expect(push.rejected.allSatisfy { !$0.isTemporary })
    let reasons = push.rejected.map { "\($0.count) \($0.reason)" }
    #expect(reasons.contains("3 a stream needs at least one label"))
    #expect(reasons.contains("1 a line is longer than 3 bytes"))
    #expect(reasons.contains("1 a stream has 3 labels, at most 2"))
    #expect(reasons.contains { $0.hasPrefix("1 labels: a text in quotes belongs here") && $0.hasSuffix("{a=}") })
  }

  @Test func anEntryThatFitsNoBlockIsLeftOutAndTheRestCanBeSealed() throws {
    var limits = PushLimits()
    limits.lineBytes = 4 << 20
    var random = SeededGenerator(seed: 7)
    // Letters at random, which hardly shrink.
    func noise(_ count: Int) -> String {
      String(decoding: (0..<count).map { _ in UInt8.random(in: 0x23...0x5B, using: &random) }, as: UTF8.self)
    }
    let metadata = (0..<80).map { #""k\#($0)":"\#(noise(16_000))""# }.joined(separator: ",")
    let push = try Self.read(
      LogsIntake(limits: limits),
      #"{"stream":{"a":"1"},"values":[["1","first"],["2","x",{\#(metadata)}],["3","\#(noise(1_200_000))"],["4","last"]]}"#
    )
    #expect(try Self.told(push) == [#"{a="1"} 1 first"#, #"{a="1"} 4 last"#])
    #expect(push.rejected.map(\.count) == [1, 1])
    let largest = try Self.read(
      LogsIntake(limits: limits), #"{"stream":{"a":"1"},"values":[["1","\#(noise(EntryCheck.limitBytes))"]]}"#)
    var sealer = try BlockSealer()
    let rows = try #require(largest.rows)
    #expect(try sealer.seal(rows, origin: Origin(low: 1, high: 1), firstSequence: 1).count == 1)
  }

  @Test func aStreamOfHugeLabelsDoesNotSpoilTheTablesOfOthers() throws {
    var limits = PushLimits()
    limits.labelsPerSeries = 5000
    limits.labelValueBytes = 32 << 20
    let intake = LogsIntake(limits: limits)
    let value = String(repeating: "v", count: 17 << 20)
    let many = (0...FormatLimits.seriesLabels).map { #""l\#($0)":"v""# }.joined(separator: ",")
    let text = #"{"labels":"{a=\"\#(value)\"}","entries":[{"ts":"1970-01-01T00:00:00Z","line":"x"}]}"#
    let push = try Self.read(
      intake, Self.stream(#"{"instance":"i","a":"\#(value)"}"#, "x"), text, Self.stream("{\(many)}", "x"),
      Self.stream(#"{"instance":"i"}"#, "ok"))
    #expect(try Self.told(push) == [#"{instance="i"} 0 ok"#])
    #expect(push.rejected.reduce(0) { $0 + $1.count } == 3 && push.rejected.allSatisfy { !$0.isTemporary })
    #expect(push.rejected.allSatisfy { $0.reason.utf8.count < 500 })
    #expect(try Self.told(Self.read(intake, Self.stream(#"{"instance":"i"}"#, "ok"))).count == 1)
  }

  @Test func reasonsStayShortWhateverTheTexts() throws {
    // One character of 20,001 bytes.
    let long = "e" + String(repeating: "\u{0301}", count: 10_000)
    var limits = PushLimits()
    limits.labelNameBytes = 1 << 20
    limits.labelValueBytes = 1
    let twice = #"{"labels":"{'\#(long)'='1','\#(long)'='2'}","entries":[{"ts":"1970-01-01T00:00:00Z","line":"x"}]}"#
    let push = try Self.read(LogsIntake(limits: limits), twice, Self.stream(#"{"\#(long)":"vv"}"#, "x"))
    #expect(push.rejected.count == 2)
    #expect(push.rejected.allSatisfy { $0.reason.utf8.count < 1000 })
    let late = Self.json(#"{"stream":{"a":"1"},"values":[["\#(long)","x"]]}"#)
    #expect { try LogsIntake(limits: limits).read(lokiJSON: late, tenant: .default) } throws: {
      Self.isInvalid($0) && "\($0)".utf8.count < 1000
    }
    let labels = [Label("__name__", long), Label(long, "1"), Label(long, "2")]
    #expect { try PushedLabels(labels, PushLimits(), needsName: true) } throws: {
      (($0 as? PushedLabels.Fault)?.reason.utf8.count ?? .max) < 1000
    }
  }

  @Test func reasonsToldApartAreBounded() throws {
    let intake = LogsIntake(limits: PushLimits())
    let bad = (0..<100).map {
      #"{"labels":"{bad\#($0)}","entries":[{"ts":"1970-01-01T00:00:00Z","line":""}]}"#
    }
    let push = try intake.read(lokiJSON: Self.json(bad.joined(separator: ",")), tenant: .default)
    #expect(push.rows == nil)
    #expect(push.rejected.count <= EntryRejections.limitReasons + 2)
    #expect(push.rejected.reduce(0) { $0 + $1.count } == 100)
  }

  @Test func pastTheLimitOfStreamsKnownOnesGoOn() throws {
    var limits = PushLimits()
    limits.seriesPerTenant = 2
    let intake = LogsIntake(limits: limits)
    _ = try Self.read(intake, Self.stream(#"{"a":"1"}"#, "x"), Self.stream(#"{"a":"2"}"#, "x"))
    let push = try Self.read(intake, Self.stream(#"{"a":"3"}"#, "no", "no"), Self.stream(#"{"a":"1"}"#, "yes"))
    #expect(try Self.told(push) == [#"{a="1"} 0 yes"#])
    #expect(push.rejected.map(\.count) == [2] && push.rejected.allSatisfy(\.isTemporary))
    // Another tenant has its own.
    let other = try intake.read(
      lokiJSON: Self.json(Self.stream(#"{"a":"3"}"#, "x")), tenant: try #require(Tenant("other")))
    #expect(other.rejected.isEmpty && other.rows?.tenant.name == "other")
  }

  @Test func aBodyThatCannotBeReadIsRefused() throws {
    let intake = LogsIntake(limits: PushLimits())
    for body in [Array("{".utf8), [0x0a, 5, 1]] {
      #expect { try intake.read(lokiJSON: body, tenant: .default) } throws: { Self.isInvalid($0) }
      #expect { try intake.read(lokiProtobuf: body, tenant: .default) } throws: { Self.isInvalid($0) }
      #expect { try intake.read(producerBatch: body, tenant: .default) } throws: { Self.isInvalid($0) }
    }
  }

  private static func isInvalid(_ error: any Error) -> Bool {
    if case .invalid? = error as? PushError { true } else { false }
  }

  @Test func anEmptyPushHasNoRows() throws {
    let intake = LogsIntake(limits: PushLimits())
    #expect(try intake.read(lokiProtobuf: [], tenant: .default).rows == nil)
    #expect(try intake.read(lokiJSON: Array("{}".utf8), tenant: .default).rows == nil)
    #expect(try Self.read(intake, #"{"stream":{"a":"b"},"values":[]}"#).rows == nil)
  }

  @Test func protobufAndTheOriginalsBatchesBecomeTheSameRows() throws {
    let table = try SeriesTable(encoding: [Series(Labels([Label("a", "1")]))], signal: .logs)
    let rows = LogRows(
      source: 1, tables: [table],
      entries: [
        .init(
          stream: 0,
          entry: LogEntry(timestamp: UnixNanoseconds(5), line: [0x78], structuredMetadata: [Label("k", "v")]))
      ])
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(RowBatch(logs: [rows]), origin: Origin(low: 1, high: 1), firstSequence: 1)
    let intake = LogsIntake(limits: PushLimits())
    var encoder = try LokiPushEncoder()
    _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LokiLabelTexts())
    let message = encoder.withMessage { $0.withUnsafeBytes { [UInt8]($0) } }
    #expect(try Self.told(intake.read(lokiProtobuf: message, tenant: .default)) == [#"{a="1"} 5 x k=v"#])
    let batch = try ProducerBatch.encode(
      blocks, tenant: try #require(Tenant("t")), createdAt: UnixNanoseconds(0))
    let push = try intake.read(producerBatch: batch, tenant: .default)
    #expect(try Self.told(push) == [#"{a="1"} 5 x k=v"#])
    #expect(push.rows?.tenant.name == "t")
  }

  @Test func aBatchsTenantStandsForTheDefaultOneOnly() throws {
    let intake = LogsIntake(limits: PushLimits())
    func tenant(_ id: String, _ tenant: Tenant, isFixed: Bool = false) throws -> String? {
      let body =
        #"{"batch":{"streams":{"":{"labels":"{a=\"b\"}","entries":[{"ts":"1970-01-01T00:00:00Z","line":""}]}}},"tenantID":"\#(id)"}"#
      return try intake.read(producerBatch: Array(body.utf8), tenant: tenant, isTenantFixed: isFixed).rows?.tenant.name
    }
    #expect(try tenant("team", .default) == "team")
    #expect(try tenant("", .default) == "")
    #expect(try tenant("team", .default, isFixed: true) == "")
    #expect(try tenant("team", try #require(Tenant("sender"))) == "sender")
    #expect(throws: PushError.self) { try tenant(String(repeating: "t", count: 151), .default) }
  }
}
