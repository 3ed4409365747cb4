import Codec
import Model
import Testing

@testable import Wire

/// Random rows of everything that a block can hold: what is decoded is what was put in.
@Suite struct RemoteWritePropertyTests {
  private struct Item: Hashable, Comparable {
    let labels: String
    let time: Int64
    let what: String

    static func < (a: Item, b: Item) -> Bool { (a.labels, a.time, a.what) < (b.labels, b.time, b.what) }
  }

  private static func text(_ labels: [Label]) -> String {
    labels.filter { !$0.value.isEmpty }.map { "\(Array($0.name.utf8))=\(Array($0.value.utf8))" }.joined(separator: ",")
  }

  /// What the blocks say, read in the slow and plain way.
  private static func expected(_ blocks: [TabledBlock]) throws -> [Item] {
    let opener = try BlockOpener()
    var items: [Item] = []
    for block in blocks {
      let opened = try opener.open(block.block)
      for (group, tables) in zip(opened.groups, try opened.resolve(block.tables)) {
        let labels = try tables.flatMap { try $0.decode() }.map { text($0.labels.pairs) }
        var extras: GroupExtras?
        switch group {
        case .matrix(let group):
          group.forEachSample { series, _, time, value in
            items.append(Item(labels: labels[series], time: time, what: "\(value.bitPattern)"))
          }
          extras = group.extras
        case .loose(let group):
          for (index, series) in group.series.enumerated() {
            items.append(
              Item(
                labels: labels[Int(series)], time: group.timestamps[index], what: "\(group.values[index].bitPattern)"))
          }
          extras = group.extras
        case .logs: break
        }
        for item in extras?.histograms ?? [] {
          items.append(
            Item(
              labels: labels[Int(item.value.series)], time: item.value.timestamp.rawValue,
              what: "\(item.value.histogram)"))
        }
      }
    }
    return items.sorted()
  }

  private static func items(_ request: RemoteWriteRequest) -> [Item] {
    request.series.flatMap { series in
      series.samples.map {
        Item(labels: text(series.labels), time: $0.timestamp.rawValue, what: "\($0.valueBits)")
      }
        + series.histograms.map {
          Item(labels: text(series.labels), time: $0.timestamp.rawValue, what: "\($0.histogram)")
        }
    }.sorted()
  }

  @Test(arguments: 1...150)
  func whatIsDecodedIsWhatTheBlocksSay(seed: Int) throws {
    var rows = RandomRows(seed: UInt64(seed))
    var blocks: [TabledBlock] = []
    var sequence: UInt64 = 1
    for _ in 0..<3 {
      let (batch, _, _) = try rows.metrics(firstSequence: sequence)
      var sealer = try BlockSealer()
      blocks += try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: sequence)
      sequence += UInt64(batch.rowCount)
    }
    var encoder = try RemoteWriteEncoder()
    let delivery = Delivery(blocks: blocks, generation: 0)
    let counts = try encoder.encode(delivery, LabelTemplates())
    let message = encoder.message
    let request = try RemoteWriteDecoder.decode(message)
    let items = Self.items(request)
    #expect(items == (try Self.expected(blocks)))
    #expect(counts.samples + counts.histograms == items.count)
    #expect(counts.series == request.series.count)
    #expect(counts.exemplars == request.series.reduce(0) { $0 + $1.exemplars.count })
    for series in request.series {
      #expect(zip(series.samples, series.samples.dropFirst()).allSatisfy { $0.timestamp <= $1.timestamp })
      #expect(zip(series.labels, series.labels.dropFirst()).allSatisfy { $0.name.precedesByBytes($1.name) })
      #expect(!series.samples.isEmpty || !series.histograms.isEmpty)
    }
    // A retry is the same bytes, from an encoder that has done other work as from a new one.
    _ = try encoder.encode(delivery, LabelTemplates(limitBytes: 0))
    #expect(encoder.message == message)
  }
}
