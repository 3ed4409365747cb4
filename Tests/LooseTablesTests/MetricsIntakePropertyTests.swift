import Model
import Testing
import Wire

@testable import LooseTables

/// Random messages through one intake, sealed and opened: what is there is what was sent.
@Suite struct MetricsIntakePropertyTests {
  @Test(arguments: 1...12)
  func `what was sent is what is stored, whatever the version, the order of the labels and the series before`(
    _ seed: Int
  ) throws {
    var messages = RandomMessages(seed: UInt64(seed))
    let clock = TestClock()
    let intake = MetricsIntake(limits: PushLimits(), now: { clock.now })
    var stored = Stored()
    var expected: [Labels: StoredSeries] = [:]
    for step in 0..<40 {
      let (message, isRight) = messages.message()
      let version: RemoteWriteVersion = (step + seed) % 3 == 0 ? .v1 : .v2
      let push = try intake.read(message.bytes(version), as: version, tenant: .default)
      try stored.add(push)
      var rejected = 0
      for (series, isRight) in zip(message.series, isRight) {
        guard isRight else {
          rejected += series.samples.count + series.histograms.count + series.exemplars.count
          continue
        }
        let labels = Labels(series.labels.filter { !$0.value.isEmpty })
        expected[labels, default: .init()].samples += series.samples
        expected[labels]?.histograms += series.histograms
        expected[labels]?.exemplars += series.exemplars.map {
          Exemplar(labels: Labels($0.labels), value: Double(bitPattern: $0.valueBits), timestamp: $0.timestamp)
        }
        if version == .v2, series.created != 0 { expected[labels]?.created.append(series.created) }
      }
      #expect(push.rejected.reduce(0) { $0 + $1.count } == rejected, "seed \(seed), step \(step)")
      clock.advance(.seconds(400))
    }
    #expect(Set(stored.series.keys) == Set(expected.keys), "seed \(seed)")
    for (labels, one) in expected {
      let other = try #require(stored.series[labels])
      #expect(other.samples == one.samples, "seed \(seed), \(labels)")
      #expect(other.histograms == one.histograms, "seed \(seed), \(labels)")
      #expect(other.exemplars == one.exemplars, "seed \(seed), \(labels)")
      #expect(other.created == one.created, "seed \(seed), \(labels)")
      #expect(other.sources.count == 1, "seed \(seed), \(labels)")
    }
  }
}
