import Codec

/// One sample that did not come in a scrape.
private struct LooseCell {
  let series: UInt32
  let time: Int64
  let bits: UInt64
}

extension RemoteWriteEncoder {
  /// Writes the series of loose samples over the same tables: those of a series together, by time, those of one time as they came.
  mutating func write(_ groups: [LooseGroup], _ templates: [LabelTemplate], _ extras: inout SeriesExtras) {
    var cells: [LooseCell] = []
    cells.reserveCapacity(groups.reduce(0) { $0 + $1.series.count })
    for group in groups {
      for index in group.series.indices {
        cells.append(
          LooseCell(
            series: group.series[index], time: group.timestamps[index], bits: group.values[index].bitPattern))
      }
    }
    func precedes(_ a: LooseCell, _ b: LooseCell) -> Bool { (a.series, a.time) <= (b.series, b.time) }
    if !zip(cells, cells.dropFirst()).allSatisfy(precedes) {
      // The standard library's sort keeps the order of equals, and says so nowhere: the index makes sure.
      let order = cells.indices.sorted {
        (cells[$0].series, cells[$0].time, $0) < (cells[$1].series, cells[$1].time, $1)
      }
      cells = order.map { cells[$0] }
    }
    let bits = cells.map(\.bits)
    let times = cells.map(\.time)
    var at = 0
    var first = 0
    for template in templates {
      walker.start(template)
      template.coded.withUnsafeBytes { coded in
        while let series = nextSeries(at < cells.count ? Int(cells[at].series) : nil, extras),
          series < first + template.seriesCount
        {
          var end = at
          while end < cells.count, Int(cells[end].series) == series { end += 1 }
          walker.move(to: series - first, in: template, coded)
          let open = begin(samples: end - at)
          bits.withUnsafeBufferPointer { bits in
            times.withUnsafeBufferPointer { times in
              guard let bits = bits.baseAddress, let times = times.baseAddress else { return }
              samples(bits + at, times + at, end - at)
            }
          }
          self.end(open, index: series, &extras)
          at = end
        }
      }
      first += template.seriesCount
    }
  }

  /// The next series that has samples or histograms.
  private func nextSeries(_ ofSamples: Int?, _ extras: SeriesExtras) -> Int? {
    guard let ofHistograms = extras.nextHistogramSeries else { return ofSamples }
    return min(ofSamples ?? ofHistograms, ofHistograms)
  }
}
