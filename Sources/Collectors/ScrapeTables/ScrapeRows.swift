import Codec
import Model

extension ScrapeCache {
  /// The rows of the scrape that `read` has just read or that failed: values, markers for what is gone, and the report. A row for each part; loose
  /// rows for series with several samples. Throws when a table cannot be made; then the scrape is lost and the next one starts over.
  package mutating func rows(at timestamp: UnixMilliseconds, _ report: Report) throws(FormatError) -> [MetricRow] {
    let succeeded = readSucceeded
    if !succeeded { beginScrape() }
    readSucceeded = false
    let scraped = states[Self.reportNames.count...]
    let seriesAdded = succeeded ? scraped.count { $0.contains(.alive) && !$0.contains(.known) } : 0
    let reports = [
      report.isUp ? 1 : 0, report.durationSeconds, Double(report.samples), Double(report.samplesKept),
      Double(seriesAdded),
    ]
    for (slot, value) in reports.enumerated() {
      states[slot].formUnion([.met, .alive])
      values[slot] = value
      if !own.isEmpty { own[slot].row = nil }
    }
    try settle(succeeded)
    let rows = makeRows(at: timestamp)
    remember(succeeded)
    forgetSamples()
    rest()
    return rows
  }

  /// The last rows of a target that is scraped no more: a marker for every series, the reports among them.
  package mutating func lastRows(at timestamp: UnixMilliseconds) -> [MetricRow] {
    beginScrape()
    let rows = makeRows(at: timestamp)
    remember(false)
    forgetSamples()
    return rows
  }

  /// The rows that were made last were not stored: the markers in them are still owed, and own timestamps in them are not known.
  package mutating func dropped() {
    for slot in marked { states[Int(slot)].set(.tracked, true) }
    for (slot, time) in formerOwn { lastOwn[Int(slot)] = time }
    marked = []
    formerOwn = []
  }

  /// Tables for what is new, and new ones for what has changed too much.
  private mutating func settle(_ succeeded: Bool) throws(FormatError) {
    guard succeeded || parts.hasFresh else { return }
    let states = states
    // A series that gets its marker in this row has to be in the tables once more.
    let isKept = { (slot: Int) in !succeeded || !states[slot].isDisjoint(with: [.alive, .tracked]) }
    if let families = renewal {
      renewal = nil
      let moves = try parts.renew(isKept: isKept) { series in
        let metadata = FamilyMetadata.of(series.labels.metricName, in: families)
        return metadata == .none ? series : Series(series.labels, metadata)
      }
      move(moves)
    } else if let moves = try parts.settle(isKept: isKept) {
      move(moves)
    }
    // Many spellings of the same series, or others each time that are refused.
    // Those that still come are learnt again.
    if index.count > states.count * 2 + 1000 { index.forget() }
  }

  /// Follows slots to where the tables have put them.
  private mutating func move(_ moves: [UInt32?]) {
    func moved<Value>(_ old: [Value]) -> [Value] { old.indices.compactMap { moves[$0] == nil ? nil : old[$0] } }
    states = moved(states)
    values = moved(values)
    lastOwn = moved(lastOwn)
    own = moved(own)
    ownSlots = ownSlots.compactMap { moves[Int($0)] }
    index.follow { moves[Int($0)] }
    slotOf = slotOf?.compactMapValues { moves[Int($0)] }
    later = later.compactMap { sample in
      moves[Int(sample.slot)].map { LaterSample(slot: $0, timestamp: sample.timestamp, value: sample.value) }
    }
  }

  private mutating func makeRows(at timestamp: UnixMilliseconds) -> [MetricRow] {
    marked = []
    let own = own
    var rows: [MetricRow] = []
    var first = 0
    for part in parts.parts where part.tabled > 0 {
      let slots = first..<first + part.tabled
      first = slots.upperBound
      let isWhole = slots == values.indices
      var row = ScrapeRow(
        source: source, tables: part.tables, timestamp: timestamp, values: isWhole ? values : Array(values[slots]))
      for slot in slots where !states[slot].contains(.met) {
        if states[slot].contains(.tracked) {
          row.values[slot - slots.lowerBound] = StaleMarker.value
          marked.append(UInt32(slot))
        } else {
          row.absent.append(UInt32(slot - slots.lowerBound))
        }
      }
      // A part of which nothing is left has nothing to say.
      guard row.absent.count < part.tabled else { continue }
      row.ownTimestamps = ownSlots.lazy.filter { slots.contains(Int($0)) }
        .compactMap { slot in
          own[Int(slot)].row.map {
            .init(series: UInt32(Int(slot) - slots.lowerBound), timestamp: UnixMilliseconds($0))
          }
        }
        .sorted { $0.series < $1.series }
      rows.append(.scrape(row))
      let loose = later.filter { slots.contains(Int($0.slot)) }
      for start in stride(from: 0, to: loose.count, by: Self.looseRowSamples) {
        let samples = loose[start..<min(start + Self.looseRowSamples, loose.count)].map {
          LooseRow.LooseSample(
            series: UInt32(Int($0.slot) - slots.lowerBound), timestamp: UnixMilliseconds($0.timestamp), value: $0.value)
        }
        rows.append(.loose(LooseRow(source: source, tables: part.tables, samples: samples)))
      }
    }
    return rows
  }

  /// What the next scrape is compared with.
  private mutating func remember(_ succeeded: Bool) {
    for slot in states.indices {
      // One with a timestamp of its own gets no marker.
      let hasOwn = states[slot].contains(.own) && own[slot].row != nil
      states[slot].set(.tracked, states[slot].contains(.met) && !hasOwn)
    }
    formerOwn = []
    guard succeeded else { return }
    formerOwn = ownSlots.map { ($0, lastOwn[Int($0)]) }
    for slot in ownSlots { lastOwn[Int(slot)] = own[Int(slot)].newest }
    // As in Prometheus, an empty answer does not make the series new that come back after it.
    let scraped = Self.reportNames.count..<states.count
    guard scraped.contains(where: { states[$0].contains(.alive) }) else { return }
    for slot in scraped { states[slot].set(.known, states[slot].contains(.alive)) }
  }
}
