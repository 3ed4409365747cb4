import Foundation
import Model
import Testing

@testable import Runtime

@Suite("The history")
struct HistoryTests {
  private func reading(
    _ seconds: Double, samples: UInt64 = 0, logBytes: UInt64 = 0, appendedRows: UInt64 = 0,
    _ forwarders: [HistoryReading.Forwarder] = []
  ) -> HistoryReading {
    HistoryReading(
      seconds: seconds, time: UnixMilliseconds(Int64(seconds * 1000)), samples: samples, appendedRows: appendedRows,
      logBytes: logBytes, forwarders: forwarders)
  }

  @Test func makesRatesOfCountersAndKeepsLevels() {
    var history = History()
    history.add(reading(0, samples: 100, logBytes: 7))
    history.add(reading(10, samples: 150, logBytes: 9))
    history.add(reading(20.5, samples: 255, logBytes: 8))
    let samples = history.ring(.samplesPerSecond).values
    #expect(samples.count == 3 && samples[0].isNaN && samples[1] == 5 && samples[2] == 10)
    #expect(history.ring(.logBytes).values == [7, 9, 8])
    #expect(history.ring(.cpuCores).last == nil)
    #expect(history.endTime == UnixMilliseconds(20_500))
  }

  @Test func takesACounterThatWentBackForANewOne() {
    var history = History()
    history.add(reading(0, samples: 100))
    history.add(reading(10, samples: 50))
    #expect(history.ring(.samplesPerSecond).last == 5)
  }

  @Test func leavesGapsForStepsWithoutAReading() {
    var history = History()
    history.add(reading(0, samples: 0, logBytes: 1))
    history.add(reading(40, samples: 400, logBytes: 2))
    let bytes = history.ring(.logBytes).values
    #expect(bytes.count == 5 && bytes[1...3].allSatisfy(\.isNaN) && bytes[4] == 2)
    #expect(history.ring(.samplesPerSecond).last == 10)
  }

  @Test func leavesOutAReadingInTheStepOfTheOneBefore() {
    var history = History()
    history.add(reading(0))
    history.add(reading(4))
    history.add(reading(-100))
    #expect(history.ring(.logBytes).count == 1)
    history.add(reading(9.7))
    #expect(history.ring(.logBytes).count == 2, "a timer may be a little early")
  }

  @Test func keepsAnHourAndNoMore() {
    var history = History()
    for point in 0..<1000 { history.add(reading(Double(point) * 10, logBytes: UInt64(point))) }
    let values = history.ring(.logBytes).values
    #expect(values.count == 360 && values.first == 640 && values.last == 999)
  }

  @Test("survives a clock that jumps", arguments: [1e6, 1e15, 1e300, .infinity])
  func jumps(seconds: Double) {
    var history = History()
    history.add(reading(0, logBytes: 1))
    history.add(
      HistoryReading(seconds: seconds, time: UnixMilliseconds(0), logBytes: 2))
    let values = history.ring(.logBytes).values
    #expect(values.count == 360 && values.last == 2 && values.dropLast().allSatisfy(\.isNaN))
  }

  @Test func keepsForwardersApartAndForgetsThoseThatAreGone() {
    var history = History()
    history.add(reading(0, [.init(name: "a", deliveredEntries: 0), .init(name: "b", deliveredEntries: 0)]))
    history.add(reading(10, [.init(name: "a", deliveredEntries: 10), .init(name: "b", deliveredEntries: 20)]))
    #expect(history.ring(.entriesPerSecond, of: "a").last == 1 && history.ring(.entriesPerSecond, of: "b").last == 2)
    history.add(reading(20, [.init(name: "b", deliveredEntries: 20)]))
    #expect(history.forwarders == ["b"] && history.ring(.entriesPerSecond, of: "a").count == 0)
  }

  @Test func staysSmallWithTenForwarders() {
    let history = exampleHistory(forwarders: (0..<10).map { "forwarder \($0)" }, points: 500)
    let rings = History.Figure.allCases.count + 10 * History.ForwarderFigure.allCases.count
    #expect(rings * HistoryRing.pointLimit * MemoryLayout<Float>.stride <= 100_000)
    #expect(history.ring(.waitingRows, of: "forwarder 9").count == HistoryRing.pointLimit)
  }

  @Test func isJSONWithNullsForGaps() throws {
    var history = History()
    history.add(reading(0, samples: 1, [.init(name: "a\"b", waitingRows: 3)]))
    history.add(reading(20, samples: 2, [.init(name: "a\"b", waitingRows: 4)]))
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(HistoryJSON.text(history).utf8)) as? [String: Any])
    #expect(object["step_seconds"] as? Int == 10 && object["end"] as? String == "1970-01-01T00:00:20Z")
    let samples = try #require(object["samples_per_second"] as? [Any])
    #expect(samples.count == 3 && samples[0] is NSNull && samples[2] as? Double == 0.05)
    let forwarder = try #require((object["forwarders"] as? [[String: Any]])?.first)
    #expect(forwarder["name"] as? String == "a\"b" && (forwarder["waiting_rows"] as? [Any])?[2] as? Int == 4)
    #expect(try JSONSerialization.jsonObject(with: Data(HistoryJSON.text(History()).utf8)) is [String: Any])
  }
}

@Suite("A forecast")
struct ForecastTests {
  /// Points of ten seconds: rows that came in and were delivered, and the log's bytes.
  private func history(incoming: Int, delivered: Int, logBytes: [UInt64]) -> History {
    var history = History()
    for (point, bytes) in logBytes.enumerated() {
      history.add(
        HistoryReading(
          seconds: Double(point) * 10, time: UnixMilliseconds(0), appendedRows: UInt64(point * incoming),
          logBytes: bytes, forwarders: [.init(name: "a", deliveredRows: point * delivered)]))
    }
    return history
  }

  @Test func ofDrainingIsWhatWaitsOverWhatLeavesBeyondWhatComes() {
    let history = history(incoming: 100, delivered: 300, logBytes: [0, 0, 0])
    #expect(history.drainSeconds(of: "a", waitingRows: 1000) == 50)
    #expect(history.drainSeconds(of: "a", waitingRows: 0) == 0)
  }

  @Test func ofDrainingIsNoneWhileTheBacklogDoesNotShrink() {
    #expect(history(incoming: 100, delivered: 100, logBytes: [0, 0]).drainSeconds(of: "a", waitingRows: 5) == nil)
    #expect(history(incoming: 100, delivered: 0, logBytes: [0, 0]).drainSeconds(of: "a", waitingRows: 5) == nil)
    #expect(history(incoming: 0, delivered: 10, logBytes: [0]).drainSeconds(of: "a", waitingRows: 5) == nil)
    #expect(history(incoming: 0, delivered: 10, logBytes: [0, 0]).drainSeconds(of: "nobody", waitingRows: 5) == nil)
  }

  @Test func ofFullnessFollowsTheGrowth() {
    let history = history(incoming: 0, delivered: 0, logBytes: [1000, 1100, 1200])
    #expect(history.fullSeconds(bytes: 1200, limitBytes: 2200) == 100)
    #expect(history.fullSeconds(bytes: 9999, limitBytes: 2200) == 0)
  }

  @Test func ofAnOutageCountsWhatComesInAndNotWhatIsRemoved() {
    let history = history(incoming: 0, delivered: 0, logBytes: [1000, 1100, 200, 300, 400])
    #expect(history.fullSeconds(bytes: 400, limitBytes: 1400) == nil, "it has not grown")
    #expect(history.outageSeconds(bytes: 400, limitBytes: 1400) == 100)
    #expect(History().outageSeconds(bytes: 0, limitBytes: 1) == nil)
  }
}
