import Codec
import Model

/// A sample as rows store it, with its labels.
struct StoredSample: Hashable, Sendable, CustomStringConvertible {
  let labels: Labels
  let timestamp: Int64
  let bits: UInt64

  init(_ labels: Labels, _ timestamp: Int64, _ value: Double) {
    self.labels = labels
    self.timestamp = timestamp
    bits = value.bitPattern
  }

  var value: Double { Double(bitPattern: bits) }
  var isStale: Bool { StaleMarker.matches(value) }
  var description: String { "\(labels) \(isStale ? "stale" : "\(value)") @\(timestamp)" }
}

extension StoredSample {
  static func samples(_ rows: [MetricRow]) throws -> [StoredSample] {
    var samples: [StoredSample] = []
    for row in rows {
      switch row {
      case .scrape(let scrape):
        let series = try scrape.tables.flatMap { try $0.decode() }
        let absent = Set(scrape.absent)
        let own = Dictionary(uniqueKeysWithValues: scrape.ownTimestamps.map { ($0.series, $0.timestamp) })
        for (at, entry) in series.enumerated() where !absent.contains(UInt32(at)) {
          let timestamp = own[UInt32(at)] ?? scrape.timestamp
          samples.append(StoredSample(entry.labels, timestamp.rawValue, scrape.values[at]))
        }
      case .loose(let loose):
        let series = try loose.tables.flatMap { try $0.decode() }
        for sample in loose.samples {
          samples.append(StoredSample(series[Int(sample.series)].labels, sample.timestamp.rawValue, sample.value))
        }
      }
    }
    return samples
  }
}
