import LooseTables
import Model
import Wire

@testable import Codec

/// What is in the log for one series: its samples in the order of the rows.
struct StoredSeries: Equatable {
  var samples: [RemoteWriteRequest.Sample] = []
  var histograms: [RemoteWriteRequest.HistogramSample] = []
  var exemplars: [Exemplar] = []
  var created: [Int64] = []
  var metadata = MetricMetadata.none
  var sources: Set<UInt64> = []
}

/// What pushes become once they are sealed and opened again.
struct Stored {
  private(set) var series: [Labels: StoredSeries] = [:]
  private(set) var tables: Set<TableName> = []
  private(set) var rowCount = 0
  private(set) var largestBlock = 0

  init() {}

  init(_ pushes: Push...) throws { for push in pushes { try add(push) } }

  mutating func add(_ push: Push) throws {
    guard let batch = push.rows else { return }
    var sealer = try BlockSealer()
    let opener = try BlockOpener()
    rowCount += batch.rowCount
    for sealed in try sealer.seal(batch, origin: Origin(low: 1, high: 2), firstSequence: 1) {
      largestBlock = max(largestBlock, sealed.block.bytes.count)
      let opened = try opener.open(sealed.block)
      for (group, tables) in zip(opened.groups, try opened.resolve(sealed.tables)) {
        guard case .loose(let loose) = group else { continue }
        self.tables.formUnion(tables.map(\.name))
        try add(loose, try tables.flatMap { try $0.decode() })
      }
    }
  }

  private mutating func add(_ loose: LooseGroup, _ known: [Series]) throws {
    for at in loose.series.indices {
      let one = known[Int(loose.series[at])]
      series[one.labels, default: .init()].samples.append(
        .init(timestamp: UnixMilliseconds(loose.timestamps[at]), valueBits: loose.values[at].bitPattern))
      series[one.labels]?.metadata = one.metadata
      series[one.labels]?.sources.insert(loose.head.source)
    }
    for item in loose.extras.histograms {
      series[known[Int(item.value.series)].labels, default: .init()].histograms.append(
        .init(timestamp: item.value.timestamp, histogram: item.value.histogram))
    }
    for item in loose.extras.exemplars {
      series[known[Int(item.value.series)].labels, default: .init()].exemplars.append(item.value.exemplar)
    }
    for item in loose.extras.created {
      series[known[Int(item.value.series)].labels, default: .init()].created.append(item.value.created.rawValue)
    }
  }
}
