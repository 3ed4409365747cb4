import Codec
import Model
import Testing

@testable import Wire

@Suite struct LabelTemplateTests {
  private static func series(_ count: Int, from first: Int = 0) -> [Series] {
    (first..<(first + count)).map {
      Series(
        Labels([Label("__name__", "metric_\($0 / 10)_total"), Label("device", "disk\($0)"), Label("job", "node")]))
    }
  }

  /// The label bytes of these series of a template, read in one walk.
  private static func walked(_ template: LabelTemplate, _ series: [Int]) -> [[UInt8]] {
    var walker = LabelWalker()
    walker.start(template)
    return template.coded.withUnsafeBytes { coded in
      series.map {
        walker.move(to: $0, in: template, coded)
        return [UInt8](UnsafeRawBufferPointer(start: walker.base, count: walker.count))
      }
    }
  }

  @Test func labelsAreProtobufInTheOrderOfTheirNames() {
    let labels = Labels([Label("job", "node"), Label("__name__", "up"), Label("é", "ü")])
    var expected: [UInt8] = [0x0a, 14, 0x0a, 8] + Array("__name__".utf8) + [0x12, 2] + Array("up".utf8)
    expected += [0x0a, 11, 0x0a, 3] + Array("job".utf8) + [0x12, 4] + Array("node".utf8)
    expected += [0x0a, 8, 0x0a, 2] + Array("é".utf8) + [0x12, 2] + Array("ü".utf8)
    #expect(LabelTemplate.encode(labels) == expected)
  }

  @Test func aLabelWithoutAValueIsNoLabel() {
    #expect(
      LabelTemplate.encode(Labels([Label("__name__", "up"), Label("empty", "")]))
        == LabelTemplate.encode(Labels([Label("__name__", "up")])))
  }

  @Test func everySeriesComesBack() {
    let series = Self.series(500)
    let template = LabelTemplate(series)
    #expect(Self.walked(template, Array(series.indices)) == series.map { LabelTemplate.encode($0.labels) })
    #expect(template.coded.count < 500 * 30, "\(template.coded.count) bytes for 500 series")
  }

  @Test func seriesMayBePassedOver() {
    let series = Self.series(500)
    let template = LabelTemplate(series)
    for wanted in [[0, 499], [63, 64, 65], [70, 130, 131, 400], [498, 499], [1], [64], [127, 128]] {
      #expect(Self.walked(template, wanted) == wanted.map { LabelTemplate.encode(series[$0].labels) }, "\(wanted)")
    }
  }

  @Test func randomNeighboursComeBack() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      let series = (0..<Int.random(in: 1...150, using: &random)).map { _ in
        // Few letters, so that fronts and ends overlap in every way.
        Series(
          Labels(
            (0..<Int.random(in: 0...3, using: &random)).map { at in
              let length = Int.random(in: 0...(at == 2 ? 300 : 3), using: &random)
              return Label(
                "l\(at)", String((0..<length).map { _ in ["a", "b"].randomElement(using: &random) ?? "a" }.joined()))
            }))
      }
      let template = LabelTemplate(series)
      #expect(Self.walked(template, Array(series.indices)) == series.map { LabelTemplate.encode($0.labels) })
    }
  }

  @Test func templatesAreKeptWithinTheirBoundAndTheOneUsedLastGoesFirst() throws {
    let tables = try (0..<4).map { try SeriesTable(encoding: Self.series(100, from: $0 * 1000)) }
    let size = LabelTemplate(Self.series(100, from: 1000)).approximateBytes
    let templates = LabelTemplates(limitBytes: size * 5 / 2)
    let first = try templates.template(of: tables[0])
    _ = try templates.template(of: tables[1])
    #expect(try templates.template(of: tables[0]) === first)
    _ = try templates.template(of: tables[2])
    #expect(try templates.template(of: tables[0]) === first, "was used after the second one")
    #expect(templates.bytes <= templates.limitBytes)
  }

  @Test func aTemplateLargerThanTheBoundIsMadeAndNotKept() throws {
    let templates = LabelTemplates(limitBytes: 10)
    let table = try SeriesTable(encoding: Self.series(3))
    #expect(try templates.template(of: table).seriesCount == 3)
    #expect(templates.bytes == 0)
  }
}
