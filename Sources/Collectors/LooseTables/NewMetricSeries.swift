import Model
import Wire

/// The series of a message that are not known yet, parsed and checked; and what is wrong with the others.
struct NewMetricSeries {
  private let limits: PushLimits
  private let columns: RemoteWriteColumns
  private let version: RemoteWriteVersion
  private let body: [UInt8]
  private(set) var series: [NewSeries] = []
  /// Which of the message's series they are.
  private(set) var indices: [Int] = []
  var rejections = Rejections()
  private var textBytes = 0
  private var nextDescription = 0
  /// Samples, histograms and exemplars of each series, for counting what is left out; made when it is needed.
  private var items: [Int] = []

  init(_ limits: PushLimits, _ columns: RemoteWriteColumns, _ version: RemoteWriteVersion, _ body: [UInt8]) {
    self.limits = limits
    self.columns = columns
    self.version = version
    self.body = body
  }

  /// Throws when the labels of a series are no labels at all.
  mutating func parse(where found: SeriesPlaces, _ spellings: SpellingKeys) throws(WireError) {
    for (index, place) in found.places.enumerated() where place == .none {
      let part = columns.series[index].labels
      let pairs =
        switch version {
        case .v1: try RemoteWriteLabelReading.pairs(part, in: body, limit: limits.labelsPerSeries)
        case .v2: RemoteWriteLabelReading.pairs(part, of: columns, limit: limits.labelsPerSeries)
        }
      let items = items(of: index)
      // A series without anything is none of 1.0's business; 2.0 forbids it.
      if items == 0, version == .v1 { continue }
      do throws(PushedLabels.Fault) {
        try parse(index, try pairs.get(index), items, spellings)
      } catch {
        rejections.add(error.kind, count: max(1, items), reason: error.reason)
      }
    }
  }

  private mutating func parse(
    _ index: Int, _ pairs: [RemoteWriteLabelReading.Pair], _ items: Int, _ spellings: SpellingKeys
  ) throws(PushedLabels.Fault) {
    guard items > 0 else {
      throw .init("nothing", "series \(index) of the message: neither samples nor histograms nor exemplars")
    }
    let bytes = pairs.reduce(0) { $0 + $1.name.count + $1.value.count }
    guard bytes <= PushedLabels.limitTextBytes else {
      throw .init(
        "text", "series \(index) of the message: labels of \(bytes) bytes, at most \(PushedLabels.limitTextBytes)")
    }
    let description = description(of: index)
    // Each series has its own copy of a help, however small a reference to it is.
    let more = bytes + (description.map { MessageText.metadataBytes($0, columns) } ?? 0)
    guard textBytes + more <= MetricsIntake.limitNewTextBytes else {
      rejections.add(
        "new text", isTemporary: true, count: items,
        reason:
          "new series of more than \(MetricsIntake.limitNewTextBytes) bytes of labels and metadata in one request")
      return
    }
    textBytes += more
    guard let labels = MessageText.labels(pairs, body) else {
      throw .init("utf8", "series \(index) of the message: a label that is not UTF-8")
    }
    let pushed = try PushedLabels(labels, limits, needsName: true)
    let metadata = description.map { MessageText.metadata($0, columns, body) } ?? .none
    series.append(
      NewSeries(
        key: pushed.key, spelling: spellings.keys[index], series: Series(pushed.labels, metadata),
        textBytes: pushed.textBytes, metadataHash: spellings.metadata.isEmpty ? 0 : spellings.metadata[index]))
    indices.append(index)
  }

  /// Series are asked for in their order.
  private mutating func description(of index: Int) -> RemoteWriteColumns.Description? {
    while nextDescription < columns.descriptions.count, columns.descriptions[nextDescription].series < index {
      nextDescription += 1
    }
    guard nextDescription < columns.descriptions.count, columns.descriptions[nextDescription].series == index
    else { return nil }
    return columns.descriptions[nextDescription]
  }

  private mutating func items(of index: Int) -> Int {
    if items.isEmpty {
      var before: UInt32 = 0
      items.reserveCapacity(columns.series.count)
      for series in columns.series {
        items.append(Int(series.samplesEnd - before))
        before = series.samplesEnd
      }
      for histogram in columns.histograms { items[histogram.series] += 1 }
      for exemplar in columns.exemplars { items[exemplar.series] += 1 }
    }
    return items[index]
  }

  /// For a series that got no place.
  mutating func refuse(_ index: Int, _ limits: PushLimits) {
    rejections.add(
      "series", isTemporary: true, count: items(of: index),
      reason: "too many series: at most \(limits.seriesPerTenant) of a tenant and \(limits.seriesOfAllTenants) in all; "
        + "those that are known are taken")
  }
}

extension Result<[RemoteWriteLabelReading.Pair], RemoteWriteLabelReading.Fault> {
  fileprivate func get(_ index: Int) throws(PushedLabels.Fault) -> [RemoteWriteLabelReading.Pair] {
    switch self {
    case .success(let pairs): return pairs
    case .failure(.tooMany(let limit)):
      throw .init("labels", "series \(index) of the message: more than \(limit) labels")
    case .failure(.oddReferences(let count)):
      throw .init("references", "series \(index) of the message: \(count) label references, which is odd")
    case .failure(.unknownSymbol(let reference, let symbols)):
      throw .init("symbol", "series \(index) of the message: refers to symbol \(reference) of \(symbols)")
    }
  }
}
