import Codec
import Model
import Testing

@testable import Wire

@Suite struct RemoteWriteDecoderTests {
  private static func message(seed: UInt64) throws -> [UInt8] {
    var rows = RandomRows(seed: seed)
    let (batch, _, _) = try rows.metrics(firstSequence: 1)
    var sealer = try BlockSealer()
    var encoder = try RemoteWriteEncoder()
    let blocks = try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: 1)
    _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LabelTemplates())
    return encoder.message
  }

  private static func kind(_ message: [UInt8], _ limits: RemoteWriteLimits = .init()) -> WireError.Kind? {
    do throws(WireError) {
      _ = try RemoteWriteDecoder.decode(message, limits)
      return nil
    } catch { return error.kind }
  }

  @Test func cutAndChangedMessagesNeverTrap() throws {
    var random = SeededGenerator(seed: 3)
    for seed in 1...8 {
      let whole = try Self.message(seed: UInt64(seed))
      for _ in 0..<300 {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        RemoteWriteProbe.run(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
      }
    }
  }

  @Test(
    "What does not fit is an error that says so",
    arguments: [
      ([0x0a, 5, 0], WireError.Kind.truncated), ([0x0a], .truncated),
      ([0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f], .truncated),
      // A time series that is a number; field 0; a group.
      ([0x08, 1], .malformed), ([0x02, 0], .malformed), ([0x0b], .malformed),
      // A label name that is not UTF-8, and a value of eleven bytes.
      ([0x0a, 5, 0x0a, 3, 0x0a, 1, 0xff], .malformed),
      ([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], .malformed),
      // A sample whose value is a number, and a sample cut within its value.
      ([0x0a, 4, 0x12, 2, 0x08, 1], .malformed), ([0x0a, 4, 0x12, 2, 0x09, 1], .truncated),
      // A histogram's reset hint of 4.
      ([0x0a, 4, 0x22, 2, 0x70, 4], .malformed),
    ] as [([UInt8], WireError.Kind)])
  func faults(_ message: [UInt8], _ kind: WireError.Kind) {
    #expect(Self.kind(message) == kind)
  }

  @Test func limitsAreKept() {
    var limits = RemoteWriteLimits()
    limits.series = 2
    let three: [UInt8] = [0x0a, 0, 0x0a, 0, 0x0a, 0]
    #expect(Self.kind(three, limits) == .tooLarge)
    #expect(Self.kind(Array(three.dropLast(2)), limits) == nil)
    limits.items = 1
    #expect(Self.kind([0x0a, 4, 0x12, 0, 0x12, 0], limits) == .tooLarge)
    limits.items = 100
    limits.labels = 1
    #expect(Self.kind([0x0a, 4, 0x0a, 0, 0x0a, 0], limits) == .tooLarge)
    limits.histogramBuckets = 1
    #expect(Self.kind([0x0a, 6, 0x22, 4, 0x62, 2, 0, 0], limits) == .tooLarge)
    limits.messageBytes = 5
    #expect(Self.kind(three, limits) == .tooLarge)
  }

  @Test func fieldsThatAreNotKnownArePassedOver() throws {
    // In the message, the series and the sample: a number, eight bytes, four bytes, and a text.
    let unknown: [UInt8] = [
      0xf8, 0x01, 7, 0xf9, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x01, 1, 2, 3, 4, 0xfa, 0x01, 1, 0xff,
    ]
    let sample = unknown + [0x10, 5]
    let series = unknown + [0x12, UInt8(sample.count)] + sample
    let request = try RemoteWriteDecoder.decode(unknown + [0x0a, UInt8(series.count)] + series + unknown)
    #expect(request.series.map(\.samples) == [[.init(timestamp: .init(5), valueBits: 0)]])
  }

  @Test func metadataIsRead() throws {
    let entry: [UInt8] = [0x08, 1, 0x12, 1, 0x6d, 0x22, 1, 0x68, 0x2a, 1, 0x73]
    let request = try RemoteWriteDecoder.decode([0x1a, UInt8(entry.count)] + entry)
    #expect(request.metadata.map(\.family) == ["m"])
    #expect(request.metadata.map(\.metadata) == [MetricMetadata(type: .counter, unit: "s", help: "h")])
  }

  @Test func numbersThatAreNotPackedAreRead() throws {
    let request = try RemoteWriteDecoder.decode([0x0a, 6, 0x22, 4, 0x60, 1, 0x60, 2])
    #expect(
      request.series.first?.histograms.first?.histogram.counts
        == .integer(count: 0, zeroCount: 0, positiveDeltas: [-1, 1], negativeDeltas: []))
  }
}
