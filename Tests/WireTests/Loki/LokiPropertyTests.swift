import Codec
import Model
import Testing

@testable import Wire

/// Random rows into a push and out again.
@Suite struct LokiPropertyTests {
  /// How often each entry stands in each stream.
  private typealias Content = [[UInt8]: [LogEntry: Int]]

  private static func content(_ batch: RowBatch) throws -> Content {
    guard case .logs(let parts) = batch.rows else { return [:] }
    var content: Content = [:]
    for part in parts {
      let streams = try part.tables.flatMap { try $0.decode() }
      for entry in part.entries {
        content[LokiLabels.text(of: streams[Int(entry.stream)].labels), default: [:]][entry.entry, default: 0] += 1
      }
    }
    return content
  }

  private static func content(_ push: LokiPush) -> Content {
    var content: Content = [:]
    for stream in push.streams {
      guard case .text(let text) = stream.identity else { continue }
      for entry in stream.entries { content[text, default: [:]][entry, default: 0] += 1 }
    }
    return content
  }

  private static func repaired(_ content: Content) -> Content {
    content.mapValues { entries in
      var repaired: [LogEntry: Int] = [:]
      for (var entry, count) in entries {
        entry.line = UTF8Repair.repaired(entry.line)
        repaired[entry, default: 0] += count
      }
      return repaired
    }
  }

  private static func text(_ stream: LokiPush.Stream) -> [UInt8] {
    if case .text(let text) = stream.identity { text } else { [] }
  }

  @Test(arguments: 0..<30)
  func entriesComeBack(seed: Int) throws {
    var rows = RandomRows(seed: UInt64(seed))
    let (batch, _, _) = try rows.logs(firstSequence: 1)
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: 1)
    let delivery = Delivery(blocks: blocks, generation: 0)
    let wanted = try Self.content(batch)

    var encoder = try LokiPushEncoder()
    let counts = try encoder.encode(delivery, LokiLabelTexts())
    let message = encoder.message
    let push = try LokiPushDecoder.decode(message)
    #expect(Self.content(push) == wanted)
    #expect(counts.streams == push.streams.count && counts.entries == batch.rowCount)
    // Each stream once.
    #expect(Set(push.streams.map(Self.text)).count == push.streams.count)
    // The body that is compressed while it is made is the same.
    #expect(try encoder.body(of: delivery, LokiLabelTexts())?.bytes == Snappy.compress(message.span.bytes))

    let json = try ProducerBatch.encode(blocks, tenant: .default, createdAt: UnixNanoseconds(0))
    #expect(Self.content(try ProducerBatch.decode(json).push) == Self.repaired(wanted))
  }

  @Test func labelTextsComeBack() throws {
    var rows = RandomRows(seed: 3)
    for _ in 0..<300 {
      let labels = Labels((0..<4).map { _ in Label(rows.text(1...6), rows.text(0...8)) })
      let back = try LokiLabels.parse(LokiLabels.text(of: labels, keepingTenant: true))
      #expect(back == Labels(labels.pairs.filter { !$0.value.isEmpty }))
    }
  }
}
