import Codec
import Model
import Wire

/// Rows of a message's columns whose series have places.
struct MetricRows {
  private let limits: PushLimits
  private let columns: RemoteWriteColumns
  private let version: RemoteWriteVersion
  private let body: [UInt8]
  private let found: SeriesPlaces
  private var builders: [LooseRowBuilder] = []
  /// Which of the builders a group has; -1 for one whose tables could not be made.
  private var builderOf: [UInt32: Int] = [:]
  private var push = Push()

  /// Text of one exemplar's labels. OpenMetrics allows 128 characters; a row has to fit a block.
  static let limitExemplarBytes = 16 << 10

  init(
    _ limits: PushLimits, _ columns: RemoteWriteColumns, _ version: RemoteWriteVersion, _ body: [UInt8],
    _ found: SeriesPlaces
  ) {
    self.limits = limits
    self.columns = columns
    self.version = version
    self.body = body
    self.found = found
  }

  mutating func make(
    _ tenant: Tenant, _ families: FamilyMemory, _ now: ContinuousClock.Instant, _ rejections: consuming Rejections
  ) throws(WireError) -> Push {
    makeBuilders(families, now, &rejections)
    addSamples()
    try addExtras(&rejections)
    var rows: [MetricRow] = []
    for index in builders.indices {
      builders[index].finish()
      rows += builders[index].rows
    }
    if !rows.isEmpty { push.rows = RowBatch(tenant: tenant, metrics: rows) }
    push.rejected = rejections.list
    return push
  }

  /// One for each group, in the order in which the message comes to them.
  private mutating func makeBuilders(
    _ families: FamilyMemory, _ now: ContinuousClock.Instant, _ rejections: inout Rejections
  ) {
    var samplesOf: [UInt32: Int] = [:]
    var order: [UInt32] = []
    var group = UInt32.max
    var counted = 0
    var before: UInt32 = 0
    func note() {
      if group == .max { return }
      if samplesOf[group] == nil { order.append(group) }
      samplesOf[group, default: 0] += counted
    }
    for (series, place) in zip(columns.series, found.places) {
      let samples = Int(series.samplesEnd &- before)
      before = series.samplesEnd
      if place.group != group {
        note()
        group = place.group
        counted = 0
      }
      counted &+= samples
    }
    note()
    for group in order {
      let samples = samplesOf[group] ?? 0
      guard let series = found.groups[group] else { continue }
      do throws(FormatError) {
        let tables = try series.tables(families, now: now)
        builderOf[group] = builders.count
        builders.append(LooseRowBuilder(source: series.source, tables: tables, samples: samples))
      } catch {
        rejections.add(
          "tables", isTemporary: true, count: samples, reason: "series could not be put into a table: \(error)")
      }
    }
  }

  private mutating func addSamples() {
    var group = UInt32.max
    var builder = -1
    var at = 0
    for (series, place) in zip(columns.series, found.places) {
      let end = Int(series.samplesEnd)
      if place.group != group {
        group = place.group
        builder = builderOf[group] ?? -1
      }
      if builder >= 0 {
        push.written.samples &+= end &- at
        while at < end {
          let sample = columns.samples[at]
          builders[builder].add(
            LooseRow.LooseSample(series: place.index, timestamp: sample.timestamp, value: sample.value))
          at &+= 1
        }
      }
      at = end
    }
  }

  /// Histograms, exemplars and the times at which series began.
  private mutating func addExtras(_ rejections: inout Rejections) throws(WireError) {
    for item in columns.histograms {
      let place = found.places[item.series]
      guard let builder = builderOf[place.group] else { continue }
      let bytes = LooseRowBuilder.bytes(of: item.sample.histogram)
      guard bytes <= LooseRowBuilder.limitBytes else {
        rejections.add(
          "histogram", count: 1,
          reason: "a histogram that takes up to \(bytes) bytes, at most \(LooseRowBuilder.limitBytes)")
        continue
      }
      builders[builder].add(
        .init(series: place.index, timestamp: item.sample.timestamp, histogram: item.sample.histogram))
      push.written.histograms += 1
    }
    for item in columns.exemplars {
      let place = found.places[item.series]
      guard let builder = builderOf[place.group] else { continue }
      guard let (exemplar, bytes) = try exemplar(item) else {
        rejections.add(
          "exemplar", count: 1,
          reason: "an exemplar whose labels are not valid, or take more than \(Self.limitExemplarBytes) bytes")
        continue
      }
      builders[builder].add(.init(series: place.index, exemplar: exemplar), textBytes: bytes)
      push.written.exemplars += 1
    }
    for item in columns.created {
      let place = found.places[item.series]
      guard let builder = builderOf[place.group] else { continue }
      builders[builder].add(.init(series: place.index, created: item.time))
    }
  }

  private func exemplar(_ item: RemoteWriteColumns.Exemplar) throws(WireError) -> (Exemplar, textBytes: Int)? {
    let limit = min(limits.labelsPerSeries, FormatLimits.seriesLabels)
    let pairs =
      switch version {
      case .v1: try RemoteWriteLabelReading.pairs(item.labels, in: body, limit: limit)
      case .v2: RemoteWriteLabelReading.pairs(item.labels, of: columns, limit: limit)
      }
    guard case .success(let pairs) = pairs else { return nil }
    let bytes = pairs.reduce(0) { $0 + $1.name.count + $1.value.count }
    guard bytes <= Self.limitExemplarBytes, let labels = MessageText.labels(pairs, body) else { return nil }
    let sorted = Labels(labels)
    guard sorted.pairs.count == labels.count, !labels.contains(where: \.name.isEmpty) else { return nil }
    return (
      Exemplar(labels: sorted, value: Double(bitPattern: item.valueBits), timestamp: item.timestamp), bytes
    )
  }
}
