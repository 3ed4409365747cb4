import Codec
import Model

/// The histograms and exemplars of a bundle, by series and time, and how far they have been written.
struct SeriesExtras {
  private struct Item<Value> {
    let series: Int
    let time: Int64
    let value: Value
  }

  private var histograms: [Item<NativeHistogram>] = []
  private var exemplars: [Item<Exemplar>] = []
  private var nextHistogram = 0
  private var nextExemplar = 0

  /// An exemplar without a time has its sample's, as Prometheus has it.
  init(_ groups: [MatrixGroup], _ options: RemoteWriteOptions) {
    for group in groups where !group.extras.isEmpty {
      add(group.extras, options) { row, series in
        group.ownTimestamps.first { $0.series == series && $0.row == row }?.timestamp ?? group.timestamps[row]
      }
    }
    order()
  }

  init(_ groups: [LooseGroup], _ options: RemoteWriteOptions) {
    for group in groups where !group.extras.isEmpty {
      add(group.extras, options) { row, series in
        let start = group.rowLengths[..<row].reduce(0, +)
        let last = (start..<(start + group.rowLengths[row])).last { group.series[$0] == UInt32(series) }
        if let last { return group.timestamps[last] }
        return group.extras.histograms.last { $0.row == row && $0.value.series == UInt32(series) }?.value.timestamp
          .rawValue
      }
    }
    order()
  }

  private mutating func add(
    _ extras: GroupExtras, _ options: RemoteWriteOptions, _ sampleTime: (_ row: Int, _ series: Int) -> Int64?
  ) {
    if options.nativeHistograms {
      for item in extras.histograms {
        histograms.append(
          Item(
            series: Int(item.value.series), time: item.value.timestamp.rawValue, value: item.value.histogram))
      }
    }
    guard options.exemplars else { return }
    for item in extras.exemplars {
      let series = Int(item.value.series)
      guard let time = item.value.exemplar.timestamp?.rawValue ?? sampleTime(item.row, series) else { continue }
      exemplars.append(Item(series: series, time: time, value: item.value.exemplar))
    }
  }

  private mutating func order() {
    func ordered<Value>(_ items: [Item<Value>]) -> [Item<Value>] {
      items.enumerated()
        .sorted { ($0.element.series, $0.element.time, $0.offset) < ($1.element.series, $1.element.time, $1.offset) }
        .map(\.element)
    }
    histograms = ordered(histograms)
    // An exporter shows its last exemplar in each scrape until there is another.
    var kept: [Item<Exemplar>] = []
    for item in ordered(exemplars) {
      if let last = kept.last, last.series == item.series, last.time == item.time, last.value == item.value { continue }
      kept.append(item)
    }
    exemplars = kept
  }

  /// Whether all has been written.
  var isAtEnd: Bool { nextHistogram == histograms.count && nextExemplar == exemplars.count }

  /// The series of the next histogram.
  var nextHistogramSeries: Int? { nextHistogram < histograms.count ? histograms[nextHistogram].series : nil }

  /// Whether the next histogram is this series'. Series are asked for in order.
  func hasHistogram(_ series: Int) -> Bool { nextHistogramSeries == series }

  /// Writes what the series has, as fields of its TimeSeries. Exemplars of series before it, which have no samples, are passed over.
  mutating func write(_ series: Int, into out: inout WireBuffer, _ counts: inout RemoteWriteCounts) {
    while nextExemplar < exemplars.count, exemplars[nextExemplar].series < series { nextExemplar += 1 }
    while nextExemplar < exemplars.count, exemplars[nextExemplar].series == series {
      let item = exemplars[nextExemplar]
      RemoteWriteMessages.append(
        RemoteWriteMessages.exemplar(item.value, time: item.time), RemoteWriteFields.Series.exemplar, to: &out)
      counts.exemplars += 1
      nextExemplar += 1
    }
    while hasHistogram(series) {
      let item = histograms[nextHistogram]
      RemoteWriteMessages.append(
        RemoteWriteMessages.histogram(item.value, time: item.time), RemoteWriteFields.Series.histogram, to: &out)
      counts.histograms += 1
      nextHistogram += 1
    }
  }
}
