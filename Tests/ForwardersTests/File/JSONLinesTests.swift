import Codec
import Foundation
import Model
import Testing

@testable import Forwarders

@Suite
struct `Lines of JSON` {
  /// The lines that a batch becomes.
  func lines(_ batch: RowBatch, without known: [ClosedRange<UInt64>] = []) throws -> [String] {
    var sealer = try BlockSealer()
    let opener = try BlockOpener()
    var writer = JSONLines(cacheBytes: 1 << 20)
    var text: [UInt8] = []
    for sealed in try sealer.seal(batch, origin: Origin(low: 1, high: 2), firstSequence: 1) {
      let block = try opener.open(sealed.block)
      try writer.write(block, try block.resolve(sealed.tables), without: known) { text += $0 }
    }
    writer.finish { text += $0 }
    return String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true).map(
      String.init)
  }

  func parsed(_ line: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  static func table(_ names: String...) throws -> SeriesTable {
    try SeriesTable(encoding: names.map { Series(Labels([Label("__name__", $0)])) })
  }

  @Test
  func `A scrape is a line a sample; absent series have none, own timestamps stand`() throws {
    let tables = [try Self.table("a", "b"), try Self.table("c")]
    let row = ScrapeRow(
      source: 1, tables: tables, timestamp: UnixMilliseconds(1000), values: [1.5, 2, 3], absent: [1],
      ownTimestamps: [.init(series: 2, timestamp: UnixMilliseconds(-5))])
    #expect(
      try lines(RowBatch(metrics: [.scrape(row)])) == [
        #"{"timestamp":1000,"labels":{"__name__":"a"},"value":1.5}"#,
        #"{"timestamp":-5,"labels":{"__name__":"c"},"value":3}"#,
      ])
  }

  @Test
  func `Loose samples are lines in their order`() throws {
    let samples = [
      LooseRow.LooseSample(series: 1, timestamp: UnixMilliseconds(2), value: 1),
      LooseRow.LooseSample(series: 0, timestamp: UnixMilliseconds(1), value: 2),
      LooseRow.LooseSample(series: 1, timestamp: UnixMilliseconds(2), value: 1),
    ]
    let row = LooseRow(source: 1, tables: [try Self.table("a", "b")], samples: samples)
    #expect(
      try lines(RowBatch(metrics: [.loose(row)])) == [
        #"{"timestamp":2,"labels":{"__name__":"b"},"value":1}"#,
        #"{"timestamp":1,"labels":{"__name__":"a"},"value":2}"#,
        #"{"timestamp":2,"labels":{"__name__":"b"},"value":1}"#,
      ])
  }

  @Test
  func `A tenant is named, the default one is not`() throws {
    let row = ScrapeRow(source: 1, tables: [try Self.table("a")], timestamp: UnixMilliseconds(1), values: [1])
    let tenant = try #require(Tenant("shop \"7\""))
    #expect(
      try lines(RowBatch(tenant: tenant, metrics: [.scrape(row)])) == [
        #"{"timestamp":1,"tenant":"shop \"7\"","labels":{"__name__":"a"},"value":1}"#
      ])
  }

  @Test
  func `The staleness marker, other NaNs and infinities are words`() throws {
    let row = ScrapeRow(
      source: 1, tables: [try Self.table("a", "b", "c", "d")], timestamp: UnixMilliseconds(1),
      values: [StaleMarker.value, .nan, .infinity, -.infinity])
    let values = try lines(RowBatch(metrics: [.scrape(row)])).map { try parsed($0)["value"] as? String }
    #expect(values == ["stale", "NaN", "+Inf", "-Inf"])
  }

  @Test
  func `Rows that are known are left out, whatever their group`() throws {
    let table = try Self.table("a")
    let rows = (1...4).map {
      MetricRow.scrape(
        ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(Int64($0)), values: [Double($0)]))
    }
    let loose = MetricRow.loose(
      LooseRow(source: 2, tables: [table], samples: [.init(series: 0, timestamp: UnixMilliseconds(5), value: 5)]))
    let batch = RowBatch(metrics: rows + [loose])
    #expect(try lines(batch, without: [2...3]).map { try parsed($0)["value"] as? Int } == [1, 4, 5])
    #expect(try lines(batch, without: [1...1, 5...5]).map { try parsed($0)["value"] as? Int } == [2, 3, 4])
  }

  @Test
  func `Histograms are objects, of integers and of floats`() throws {
    let integer = NativeHistogram(
      resetHint: 2, schema: 3, zeroThreshold: 1e-9, sum: 1.5,
      counts: .integer(count: .max, zeroCount: 2, positiveDeltas: [1, -1], negativeDeltas: []),
      positiveSpans: [.init(offset: -2, length: 2)])
    let float = NativeHistogram(
      schema: -53, zeroThreshold: 0, sum: .nan,
      counts: .float(
        countBits: (3.5).bitPattern, zeroCountBits: (0.0).bitPattern, positiveBits: [(3.5).bitPattern], negativeBits: []
      ),
      positiveSpans: [.init(offset: 0, length: 1)], customBounds: [0.5, 10])
    let extras = MetricExtras(histograms: [
      .init(series: 0, timestamp: UnixMilliseconds(7), histogram: integer),
      .init(series: 1, timestamp: UnixMilliseconds(8), histogram: float),
    ])
    let row = ScrapeRow(
      source: 1, tables: [try Self.table("i", "f")], timestamp: UnixMilliseconds(1), values: [0, 0], absent: [0, 1],
      extras: extras)
    #expect(
      try lines(RowBatch(metrics: [.scrape(row)])) == [
        #"{"timestamp":7,"labels":{"__name__":"i"},"histogram":{"schema":3,"sum":1.5,"zero_threshold":1e-09,"reset_hint":2,"#
          + #""count":18446744073709551615,"zero_count":2,"positive_deltas":[1,-1],"negative_deltas":[],"#
          + #""positive_spans":[[-2,2]],"negative_spans":[]}}"#,
        #"{"timestamp":8,"labels":{"__name__":"f"},"histogram":{"schema":-53,"sum":"NaN","zero_threshold":0,"#
          + #""count":3.5,"zero_count":0,"positive_counts":[3.5],"negative_counts":[],"#
          + #""positive_spans":[[0,1]],"negative_spans":[],"custom_bounds":[0.5,10]}}"#,
      ])
    for line in try lines(RowBatch(metrics: [.scrape(row)])) { _ = try parsed(line) }
  }

  @Test
  func `Exemplars and created timestamps are lines of their own`() throws {
    let exemplar = Exemplar(labels: Labels([Label("trace_id", "t")]), value: 2, timestamp: UnixMilliseconds(9))
    let bare = Exemplar(labels: Labels([]), value: 3)
    let extras = MetricExtras(
      exemplars: [.init(series: 0, exemplar: exemplar), .init(series: 0, exemplar: bare)],
      created: [.init(series: 0, created: UnixMilliseconds(4))])
    let row = ScrapeRow(
      source: 1, tables: [try Self.table("a")], timestamp: UnixMilliseconds(1), values: [1], extras: extras)
    let tenant = try #require(Tenant("x"))
    #expect(
      try lines(RowBatch(tenant: tenant, metrics: [.scrape(row)])).dropFirst() == [
        #"{"tenant":"x","labels":{"__name__":"a"},"exemplar":{"labels":{"trace_id":"t"},"value":2,"timestamp":9}}"#,
        #"{"tenant":"x","labels":{"__name__":"a"},"exemplar":{"labels":{},"value":3}}"#,
        #"{"tenant":"x","labels":{"__name__":"a"},"created":4}"#,
      ])
  }

  @Test
  func `Log entries are lines with their stream, metadata and text, whatever the bytes`() throws {
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "j")]))], signal: .logs)
    func entry(_ line: [UInt8], _ metadata: [Label] = []) -> LogRows.Entry {
      .init(
        stream: 0,
        entry: LogEntry(
          timestamp: UnixNanoseconds(1_700_000_000_123_456_789), line: line, structuredMetadata: metadata))
    }
    let rows = LogRows(
      source: 1, tables: [table],
      entries: [
        entry(Array("a \"quoted\"\t line\u{1b}\\ ü😀".utf8)),
        entry([0xFF, 0x00, 0x61, 0x62], [Label("k", "1"), Label("other", "x"), Label("k", "2")]), entry([]),
      ])
    #expect(
      try lines(RowBatch(logs: [rows])) == [
        #"{"timestamp":"1700000000123456789","labels":{"job":"j"},"line":"a \"quoted\"\t line\u001b\\ ü😀"}"#,
        #"{"timestamp":"1700000000123456789","labels":{"job":"j"},"metadata":{"k":["1","2"],"other":"x"},"line_base64":"/wBhYg=="}"#,
        #"{"timestamp":"1700000000123456789","labels":{"job":"j"},"line":""}"#,
      ])
    #expect(try lines(RowBatch(logs: [rows]), without: [2...3]).count == 1)
  }

  @Test
  func `Base64 is the standard one for every length`() {
    for count in 0..<100 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
      var out: [UInt8] = []
      LogText.appendBase64(bytes[...], to: &out)
      #expect(String(decoding: out, as: UTF8.self) == Data(bytes).base64EncodedString())
    }
  }

  @Test
  func `Any text survives a JSON parser`() throws {
    var generator = SeededGenerator(1)
    for _ in 0..<500 {
      var text = ""
      for _ in 0..<Int.random(in: 0..<40, using: &generator) {
        let limit: UInt32 = Bool.random(using: &generator) ? 0x80 : 0x11_0000
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) {
          text.unicodeScalars.append(scalar)
        }
      }
      var out: [UInt8] = Array("[".utf8)
      JSONText.append(string: text, to: &out)
      out += Array("]".utf8)
      let back = try JSONSerialization.jsonObject(with: Data(out)) as? [String]
      #expect(back?.first.map { Array($0.utf8) } == Array(text.utf8))
    }
  }

  @Test
  func `Any double reads back bit for bit, and whole numbers have no point`() throws {
    func text(_ value: Double) -> String {
      var out: [UInt8] = []
      JSONText.append(value, to: &out)
      return String(decoding: out, as: UTF8.self)
    }
    var generator = SeededGenerator(2)
    var values: [Double] = [
      0, -0.0, 1, -1, 0.1, 1e15, 1e16, 1e22, 1e300, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      .leastNormalMagnitude,
      9_007_199_254_740_991, 9_007_199_254_740_992, 9_007_199_254_740_994, -9_007_199_254_740_991, 1.5e-7, 123456.789,
    ]
    values += (0..<5000).map { _ in Double(bitPattern: generator.next()) }.filter(\.isFinite)
    for value in values {
      #expect(Double(text(value))?.bitPattern == value.bitPattern, "\(value)")
      _ = try JSONSerialization.jsonObject(with: Data("[\(text(value))]".utf8))
    }
    #expect(text(12_345_678_901) == "12345678901")
    #expect(text(-0.0) == "-0.0")
    #expect(text(0) == "0")
    #expect(
      [Int64.min, .max, 0, -1].map { number in
        var out: [UInt8] = []
        JSONText.append(number, to: &out)
        return String(decoding: out, as: UTF8.self)
      } == ["-9223372036854775808", "9223372036854775807", "0", "-1"])
  }

  @Test
  func `Lines are handed on in pieces of bounded size`() throws {
    let names = (0..<1000).map { "metric_with_a_rather_long_name_\($0)" }
    let table = try SeriesTable(encoding: names.map { Series(Labels([Label("__name__", $0)])) })
    let rows = (0..<100).map {
      MetricRow.scrape(
        ScrapeRow(
          source: 1, tables: [table], timestamp: UnixMilliseconds(Int64($0)), values: names.indices.map(Double.init)))
    }
    var sealer = try BlockSealer()
    let opener = try BlockOpener()
    var writer = JSONLines(cacheBytes: 1)
    var pieces: [Int] = []
    for sealed in try sealer.seal(RowBatch(metrics: rows), origin: Origin(low: 1, high: 1), firstSequence: 1) {
      let block = try opener.open(sealed.block)
      try writer.write(block, try block.resolve(sealed.tables), without: []) { pieces.append($0.count) }
    }
    writer.finish { pieces.append($0.count) }
    #expect(writer.lineCount == 100_000)
    #expect(pieces.count >= 2)
    #expect(pieces.allSatisfy { $0 < JSONLines.pieceBytes + 1000 })
  }
}
