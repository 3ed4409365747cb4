import Testing

@testable import Runtime

@Suite("A chart")
struct ChartTests {
  private func chart(_ values: [Float], _ unit: Chart.Unit = .perSecond) -> Chart {
    Chart(title: "Samples", unit: unit, values: values)
  }

  @Test func saysInWordsWhatItShows() {
    let html = chart([1, 4, 2]).html()
    #expect(html.contains("role=\"img\""))
    #expect(html.contains("aria-label=\"Samples, the last 10 minutes: now 2/s, lowest 1/s, highest 4/s\""))
    #expect(html.contains("10 min ago") && html.contains("<b>2/s</b>"))
  }

  @Test func bringsUpTheMinutesFigureUnderThePointer() {
    let html = chart([Float](repeating: 3, count: 360)).html()
    #expect(html.components(separatedBy: "<title>").count == 37)
    #expect(html.contains("<title>59 min ago: 3/s, highest 3/s</title>"))
  }

  @Test func drawsFromTheRightEdge() {
    // Three points of which the last ends at the edge; 60 is zero.
    #expect(chart([0, 10, 0]).path(top: 10, isClosed: false) == "M57,59l1-58l1,58")
  }

  @Test(
    "is as wide as what there is to show",
    arguments: [(1, 10), (60, 10), (61, 30), (180, 30), (181, 60), (360, 60)])
  func width(points: Int, minutes: Int) {
    let html = chart([Float](repeating: 3, count: points)).html()
    #expect(html.contains("<span>\(minutes) min ago</span>"))
    #expect(html.contains("viewBox=\"0 0 \(minutes * 6) 60\""))
    #expect(html.components(separatedBy: "<title>").count <= 37)
  }

  @Test func drawsFlatStretchesInOneStep() {
    let path = chart([Float](repeating: 5, count: 360)).path(top: 10, isClosed: false)
    #expect(path == "M0,30h359")
  }

  @Test func leavesGapsOpen() {
    let path = chart([1, 1, .nan, .nan, 2, .nan, 3]).path(top: 4, isClosed: false)
    #expect(path.components(separatedBy: "M").count == 4, "\(path)")
    #expect(chart([1, 1, .nan, 2, 2]).path(top: 4, isClosed: true).components(separatedBy: "z").count == 3)
  }

  @Test func showsASinglePointToo() {
    #expect(chart([7]).path(top: 10, isClosed: false) == "M58,18h1")
    #expect(chart([7]).html().contains("<path class=\"line\" d=\"M"))
  }

  @Test func saysThatNothingIsThereYet() {
    for values in [[], [Float.nan], [.infinity]] as [[Float]] {
      #expect(chart(values).html().contains("The first value comes within 10 seconds."))
    }
  }

  @Test func staysInsideItsFrameWhateverTheValues() {
    for values in [
      [-1, 1e30, 5], [0, 0, 0], [Float.greatestFiniteMagnitude, 1], [.leastNonzeroMagnitude, .leastNormalMagnitude],
    ] as [[Float]] {
      for unit in [Chart.Unit.perSecond, .bytes, .rows, .seconds, .cores] {
        let html = chart(values, unit).html()
        #expect(html.contains("class=\"line\"") && !html.contains("nan") && !html.contains("inf"))
      }
    }
  }

  @Test(
    "has a round scale",
    arguments: [
      (0.0, Chart.Unit.perSecond, 1.0), (3, .perSecond, 3), (1234, .perSecond, 1500), (0.07, .perSecond, 0.08),
      (1100, .bytes, 1536), (700 * 1024, .bytes, 1024 * 800), (90, .seconds, 100), (130, .seconds, 180),
      (0.031, .cores, 0.04),
    ] as [(Double, Chart.Unit, Double)])
  func scale(value: Double, unit: Chart.Unit, top: Double) {
    #expect(abs(Chart.ceiling(value, unit) - top) < 1e-9 * max(top, 1), "\(Chart.ceiling(value, unit))")
    #expect(Chart.ceiling(value, unit) >= value)
  }

  @Test func isSmall() {
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<360).map { _ in Float.random(in: 0..<1000, using: &generator) }
    #expect(chart(noise).html().utf8.count < 9000)
    #expect(chart([Float](repeating: 1, count: 360)).html().utf8.count < 6000)
  }
}
