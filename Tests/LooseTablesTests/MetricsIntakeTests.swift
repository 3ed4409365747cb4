import Codec
import Model
import Testing
import Wire

@testable import LooseTables

@Suite struct MetricsIntakeTests {
  private let intake = MetricsIntake(limits: PushLimits())

  private func read(_ message: SentMessage, _ version: RemoteWriteVersion) throws -> Push {
    try intake.read(message.bytes(version), as: version, tenant: .default)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `what is sent is what is stored`(_ version: RemoteWriteVersion) throws {
    let sent = SentSeries(
      "up", ["job": "node", "instance": "a:1"], [(1000, 1), (2000, StaleMarker.value), (3000, -0.0)])
    let push = try read(SentMessage([sent]), version)
    let stored = try Stored(push)
    #expect(push.written.samples == 3)
    #expect(push.rejected.isEmpty)
    #expect(stored.series == [Labels(sent.labels): stored.series[Labels(sent.labels)] ?? .init()])
    #expect(stored.series[Labels(sent.labels)]?.samples == sent.samples)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `labels may come in any order, and the same set has one place`(_ version: RemoteWriteVersion) throws {
    let sorted = [Label("__name__", "m"), Label("a", "1"), Label("b", "2")]
    let first = try read(SentMessage([SentSeries(sorted, [(1, 1)])]), version)
    let second = try read(SentMessage([SentSeries(sorted.reversed(), [(2, 2)])]), version)
    let other: RemoteWriteVersion = version == .v1 ? .v2 : .v1
    let third = try read(SentMessage([SentSeries(sorted + [Label("empty", "")], [(3, 3)])]), other)
    let stored = try Stored(first, second, third)
    #expect(stored.series.count == 1)
    #expect(stored.series[Labels(sorted)]?.samples.map(\.value) == [1, 2, 3])
    #expect(stored.tables.count == 1)
    #expect(intake.counts.alive == 1)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `a series whose labels are wrong is left out alone`(_ version: RemoteWriteVersion) throws {
    let name = Label("__name__", "m")
    let wrong: [(String, [Label])] = [
      ("no __name__", [Label("a", "1")]),
      ("twice", [name, Label("a", "1"), Label("a", "2")]),
      ("empty name", [name, Label("", "1")]),
      ("no __name__", [Label("__name__", "")]),
      ("at most 1024", [name, Label(String(repeating: "n", count: 1025), "1")]),
      ("at most 16384", [name, Label("a", String(repeating: "v", count: 16_385))]),
      ("more than 128 labels", [name] + (0..<128).map { Label("l\($0)", "x") }),
    ]
    for (words, labels) in wrong {
      let push = try read(
        SentMessage([SentSeries("before"), SentSeries(labels, [(1, 1), (2, 2)]), SentSeries("after")]), version)
      #expect(push.written.samples == 2)
      #expect(push.rejected.map(\.count) == [2])
      #expect(push.rejected.first?.isTemporary == false)
      #expect(push.rejected.first?.reason.contains(words) == true, "\(push.rejected)")
      #expect(try Stored(push).series.count == 2)
    }
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `labels that are not UTF-8 are left out alone`(_ version: RemoteWriteVersion) throws {
    var bytes = SentMessage([SentSeries("good"), SentSeries("bad", ["a": "ZZZZ"])]).bytes(version)
    let at = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("ZZZZ".utf8)) })
    bytes[at] = 0xFF
    let push = try intake.read(bytes, as: version, tenant: .default)
    #expect(push.written.samples == 1)
    #expect(push.rejected.map(\.count) == [1])
    #expect(push.rejected.first?.reason.contains("UTF-8") == true)
  }

  @Test func `references out of range or odd in number leave out their series`() throws {
    // Symbols "", "__name__", "m"; one good series, one with an odd number of references, one past the end.
    var out = ByteWriter()
    for symbol in ["", "__name__", "m"] { out.message(4, Array(symbol.utf8)) }
    for references: [UInt8] in [[1, 2], [1], [1, 3]] {
      var series = ByteWriter()
      series.message(1, references)
      series.message(2, [0x10, 5])
      out.message(5, series.bytes)
    }
    let push = try intake.read(out.bytes, as: .v2, tenant: .default)
    #expect(push.written.samples == 1)
    #expect(push.rejected.map(\.count) == [1, 1])
    #expect(push.rejected.contains { $0.reason.contains("symbol 3 of 3") })
  }

  @Test func `references may come one by one, and symbols last`() throws {
    var message = SentMessage([SentSeries("m", ["a": "b"])])
    message.symbolsLast = true
    #expect(try Stored(read(message, .v2)).series.keys.map(\.description) == ["m{a=\"b\"}"])
    var out = ByteWriter()
    for symbol in ["", "__name__", "m"] { out.message(4, Array(symbol.utf8)) }
    out.message(5, [0x08, 1, 0x08, 2, 0x12, 2, 0x10, 5])
    let push = try intake.read(out.bytes, as: .v2, tenant: .default)
    #expect(try Stored(push).series.keys.map(\.description) == ["m"])
  }

  @Test func `a message under the other version's name is refused, not taken for an empty one`() throws {
    let message = SentMessage([SentSeries("m")])
    #expect(throws: PushError.self) { try intake.read(message.bytes(.v1), as: .v2, tenant: .default) }
    #expect(throws: PushError.self) { try intake.read(message.bytes(.v2), as: .v1, tenant: .default) }
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `a body that is no message is refused as a whole`(_ version: RemoteWriteVersion) throws {
    let bytes = SentMessage([SentSeries("m", ["a": "b"])]).bytes(version)
    #expect(throws: PushError.self) { try intake.read(Array(bytes.dropLast()), as: version, tenant: .default) }
    #expect(throws: PushError.self) { try intake.read([0xFF, 0xFF, 0xFF], as: version, tenant: .default) }
    #expect(intake.counts.alive == 0)
    #expect(try intake.read([], as: version, tenant: .default).rows == nil)
  }

  @Test func `symbols that do not begin with the empty one are refused`() throws {
    var out = ByteWriter()
    out.message(4, Array("m".utf8))
    #expect(throws: PushError.self) { try intake.read(out.bytes, as: .v2, tenant: .default) }
  }

  @Test func `labels between which samples stand are read as well, each time`() throws {
    func label(_ name: String, _ value: String) -> [UInt8] {
      var out = ByteWriter()
      out.message(1, Array(name.utf8))
      out.message(2, Array(value.utf8))
      return out.bytes
    }
    for value in ["x", "y"] {
      var series = ByteWriter()
      series.message(1, label("__name__", "m"))
      series.message(2, [0x10, 5])
      series.message(1, label("a", value))
      var out = ByteWriter()
      out.message(1, series.bytes)
      for _ in 0..<2 {
        let push = try intake.read(out.bytes, as: .v1, tenant: .default)
        #expect(try Stored(push).series.keys.map(\.description) == ["m{a=\"\(value)\"}"])
      }
    }
    #expect(intake.counts.alive == 2)
  }

  @Test func `a series of 2_0 with nothing in it is an error, one of 1_0 is nothing`() throws {
    let empty = SentMessage([SentSeries("m", [:], [])])
    #expect(try read(empty, .v2).rejected.map(\.count) == [1])
    #expect(try read(empty, .v1).rejected.isEmpty)
    #expect(intake.counts.alive == 0)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `histograms, exemplars and samples of one series are all kept`(_ version: RemoteWriteVersion) throws {
    var sent = SentSeries("h", ["job": "a"], [(1, 1)])
    let integer = NativeHistogram(
      resetHint: 2, schema: 3, zeroThreshold: 1e-128, sum: 12.5,
      counts: .integer(count: 9, zeroCount: 1, positiveDeltas: [1, 2, -1], negativeDeltas: [2]),
      positiveSpans: [.init(offset: -2, length: 3)], negativeSpans: [.init(offset: 0, length: 1)])
    let float = NativeHistogram(
      schema: -53, zeroThreshold: 0, sum: .nan,
      counts: .float(countBits: (3.5).bitPattern, zeroCountBits: 0, positiveBits: [(1.5).bitPattern], negativeBits: []),
      positiveSpans: [.init(offset: 0, length: 1)], customBounds: [0.5, 1])
    sent.histograms = [
      .init(timestamp: UnixMilliseconds(5), histogram: integer),
      .init(timestamp: UnixMilliseconds(6), histogram: float),
    ]
    sent.exemplars = [
      .init(labels: [Label("trace_id", "abc")], timestamp: UnixMilliseconds(4), valueBits: (1.0).bitPattern)
    ]
    sent.created = 77
    let push = try read(SentMessage([sent]), version)
    let stored = try #require(try Stored(push).series[Labels(sent.labels)])
    #expect((push.written.samples, push.written.histograms, push.written.exemplars) == (1, 2, 1))
    #expect(stored.histograms == sent.histograms)
    #expect(
      stored.exemplars == [
        Exemplar(labels: Labels([Label("trace_id", "abc")]), value: 1, timestamp: UnixMilliseconds(4))
      ])
    #expect(stored.created == (version == .v2 ? [77] : []))
  }

  @Test func `a sample's own start is kept as the time at which the series began`() throws {
    var out = ByteWriter()
    for symbol in ["", "__name__", "m"] { out.message(4, Array(symbol.utf8)) }
    var sample = ByteWriter()
    sample.double(1, (3.0).bitPattern)
    sample.integer(2, 1000)
    sample.integer(3, 900)
    var series = ByteWriter()
    series.message(1, [1, 2])
    series.message(2, sample.bytes)
    out.message(5, series.bytes)
    let stored = try Stored(try intake.read(out.bytes, as: .v2, tenant: .default))
    #expect(stored.series.values.first?.created == [900])
    #expect(stored.series.values.first?.samples.map(\.value) == [3])
  }

  @Test func `many samples become several rows that each fit a block, in their order`() throws {
    var random = SeededGenerator(seed: 7)
    let samples = (0..<100_000).map { _ in
      (Int64.random(in: 0...Int64.max, using: &random), Double(bitPattern: random.next()))
    }
    let sent = SentSeries("m", [:], samples)
    let push = try read(SentMessage([sent]), .v1)
    let stored = try Stored(push)
    #expect(stored.rowCount > 2)
    #expect(stored.largestBlock <= FormatLimits.sealedBlockBytes)
    #expect(stored.series.values.first?.samples == sent.samples)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `an exemplar of more labels than a row may have is left out, whatever the limit of series`(
    version: RemoteWriteVersion
  ) throws {
    var limits = PushLimits()
    limits.labelsPerSeries = 10_000
    var series = SentSeries("a")
    let labels = (0...FormatLimits.seriesLabels).map { Label("l\($0)", "v") }
    series.exemplars = [.init(labels: labels, timestamp: UnixMilliseconds(1), valueBits: 0)]
    let push = try MetricsIntake(limits: limits).read(
      SentMessage([series]).bytes(version), as: version, tenant: .default)
    #expect(push.written.samples == 1 && push.rejected.map(\.count) == [1])
    var sealer = try BlockSealer()
    let rows = try #require(push.rows)
    #expect(try sealer.seal(rows, origin: Origin(low: 1, high: 1), firstSequence: 1).count == 1)
  }

  @Test func `tenants do not see each other's series`() throws {
    let body = SentMessage([SentSeries("m")]).bytes(.v1)
    for name in ["a", "b"] {
      let tenant = try #require(Tenant(name))
      #expect(try intake.read(body, as: .v1, tenant: tenant).rows?.tenant == tenant)
    }
    #expect(intake.counts.tenants == 2)
    #expect(intake.counts.alive == 2)
  }
}
