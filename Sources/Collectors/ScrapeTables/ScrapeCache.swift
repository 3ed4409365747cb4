import Codec
import Model
import Parsing

/// One target's series and their last values: turns expositions into rows over tables that hardly ever change.
///
/// A value, without clock or network. For each scrape call `read`, or nothing when there was no answer, and then `rows`. A series is
/// looked up by the bytes that the target wrote, so that for a known one no label is touched; its value goes into its slot.
///
/// Source of the rules: prometheus/prometheus, scrape/scrape.go (append, updateStaleMarkers, report).
package struct ScrapeCache: Sendable {
  /// What `read` has found. `samples` counts all, stored or not.
  package struct Reading: Sendable, Equatable {
    package var samples = 0
    /// A series for the second time in one scrape, or a sample whose own timestamp is not newer than its last one.
    package var duplicates = 0
    /// More labels or bytes than a table takes, or a timestamp of its own that is too far ahead of the scrape.
    package var refused = 0

    package init() {}
  }

  /// What the series about the scrape itself say.
  package struct Report: Sendable {
    var isUp: Bool
    var durationSeconds: Double
    var samples: Int
    /// Samples left after relabelling.
    var samplesKept: Int

    package init(isUp: Bool, durationSeconds: Double, samples: Int, samplesKept: Int) {
      self.isUp = isUp
      self.durationSeconds = durationSeconds
      self.samples = samples
      self.samplesKept = samplesKept
    }
  }

  package static let reportNames = [
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
  ]
  /// A series whose names and values are longer together is refused.
  static let limitSeriesBytes = 1 << 20
  static let looseRowSamples = 20_000
  /// Scrapes in the same order after which the index lets go of what only finding needs.
  static let restAfterScrapes = 5
  /// Scrapes without a new series after which `slotOf` is let go for the second time, and for any later one: a target that has shown to get new
  /// series now and then would pay for it again and again, each time the CPU time of about 20 scrapes.
  static let restAgainAfterScrapes = 30
  /// A sample whose own timestamp is further ahead of the scrape is refused, as in Prometheus (maxAheadTime): stored, it would make all that
  /// come after it too old.
  static let limitAheadMilliseconds: Int64 = 10 * 60 * 1000

  private struct Pending {
    let series: Range<Int>
    let type: MetricType
    let value: Double
    let timestamp: UnixMilliseconds?
  }

  private let labels: SampleLabels
  let source: UInt64
  private let honorTimestamps: Bool
  private let limits: ScrapeLimits

  var index = KeyIndex(firstSlot: reportNames.count)
  var parts = SeriesParts()
  private var metadata = FamilyMetadata()
  /// Needed for new series only: let go when none came for some scrapes, and made anew from the tables when one comes.
  var slotOf: [SeriesIdentity: UInt32]? = [:]
  var scrapesWithoutNew = 0
  var scrapesToRest = restAfterScrapes

  // By slot.
  var states: [SlotState] = []
  /// Of the scrape that is being made a row of; empty in between.
  var values: [Double] = []
  /// For series that come with timestamps of their own, the newest of those stored, in milliseconds. Empty until there is one.
  var lastOwn: [Int64] = []
  /// Series that got their marker in the rows made last, and what `lastOwn` said before them: for when these rows are not stored.
  var marked: [UInt32] = []
  var formerOwn: [(slot: UInt32, time: Int64)] = []
  /// Of this scrape; empty until a sample comes with a timestamp of its own.
  var own: [OwnTimes] = []

  var readSucceeded = false
  /// The slots that have had a sample with a timestamp of its own in this scrape, old or new.
  var ownSlots: [UInt32] = []
  /// Samples of series that have one in the row already.
  var later: [LaterSample] = []
  var renewal: [String: MetricMetadata]?
  /// The latest own timestamp that this scrape takes, in milliseconds.
  private var latest = Int64.max

  /// A series' own timestamps in a scrape, in milliseconds.
  struct OwnTimes: Sendable {
    var newest = Int64.min
    /// Of the sample that stands in the row, when it has one.
    var row: Int64?
  }

  struct LaterSample: Sendable {
    var slot: UInt32
    let timestamp: Int64
    let value: Double
  }

  package init(
    labels: SampleLabels, source: UInt64, honorTimestamps: Bool = true, limits: ScrapeLimits = .init()
  ) {
    self.labels = labels
    self.source = source
    self.honorTimestamps = honorTimestamps
    self.limits = limits
    // The reports are the first slots of the first part. Six series at most cannot exceed a table.
    for name in Self.reportNames {
      let series = Series(labels.report(name), MetricMetadata(type: .gauge))
      guard (try? parts.append(series)) != nil else { continue }
      slotOf?[SeriesIdentity(series.labels)] = UInt32(states.count)
      states.append([])
    }
  }

  /// Series that the tables name, absent ones among them.
  package var seriesCount: Int { states.count }
  package var rebuilds: Int { parts.rebuilds }
}

extension ScrapeCache {
  /// Reads an exposition that was scraped at `time`. After an error the scrape counts as failed as a whole, and `reading` says how far it went.
  package mutating func read(_ bytes: Span<UInt8>, at time: UnixMilliseconds, reading: inout Reading) throws {
    let (limit, overflow) = time.rawValue.addingReportingOverflow(Self.limitAheadMilliseconds)
    latest = overflow ? .max : limit
    beginScrape()
    renewal = nil
    metadata.beginScrape()
    var pending: [Pending] = []
    var parser = TextParser()
    let hash = KeyHash.ofProcess
    var previous = -1
    defer { metadata.endScrape() }
    while true {
      // What nearly always comes is the series that came next the last time.
      if let key = index.follower(of: previous),
        let (value, timestamp) = try index.sample(of: key, by: hash, next: &parser, in: bytes)
      {
        reading.samples &+= 1
        previous = key
        record(index.slot(of: key), value, timestamp, &reading)
        continue
      }
      guard let entry = try parser.next(in: bytes) else { break }
      switch entry {
      case .sample(let series, let value, let timestamp):
        reading.samples &+= 1
        if let key = index.find(series, in: bytes, after: previous) {
          previous = key
          record(index.slot(of: key), value, timestamp, &reading)
        } else if reading.samples <= limits.sampleCount {
          // Past the limit they are only counted, as in Prometheus, so that the report tells how many there were.
          pending.append(Pending(series: series, type: parser.lastType, value: value, timestamp: timestamp))
        }
      case .comment: break
      default: metadata.note(entry, in: bytes)
      }
    }
    try limits.check(samples: reading.samples)
    if !pending.isEmpty || !metadata.isUnchanged {
      let families = metadata.families(in: bytes)
      try admit(pending, families, in: bytes, &reading)
      if metadata.needsRenewal(families) { renewal = families }
    }
    readSucceeded = true
  }

  @inline(__always)
  private mutating func record(
    _ slot: UInt32, _ value: Double, _ timestamp: UnixMilliseconds?, _ reading: inout Reading
  ) {
    guard slot != KeyIndex.refused else {
      reading.refused &+= 1
      return
    }
    if timestamp == nil || !honorTimestamps {
      let state = states[Int(slot)]
      if state.contains(.met) {
        reading.duplicates &+= 1
      } else {
        states[Int(slot)] = state.union([.met, .alive])
        values[Int(slot)] = value
      }
    } else if let timestamp {
      recordOwn(slot, value, timestamp.rawValue, &reading)
    }
  }

  /// A sample with its own timestamp. The first of a series stands in the row; later ones go into loose rows, as a series has one place in
  /// a row. One that is not newer than the last of its series was stored before, or would be refused as out of order.
  private mutating func recordOwn(_ slot: UInt32, _ value: Double, _ timestamp: Int64, _ reading: inout Reading) {
    let at = Int(slot)
    states[at].insert(.alive)
    guard timestamp <= latest else {
      reading.refused &+= 1
      return
    }
    if lastOwn.isEmpty { lastOwn = [Int64](repeating: .min, count: states.count) }
    if own.isEmpty { own = [OwnTimes](repeating: .init(), count: states.count) }
    if !states[at].contains(.own) {
      states[at].insert(.own)
      own[at].newest = lastOwn[at]
      ownSlots.append(slot)
    }
    guard timestamp > own[at].newest else {
      reading.duplicates &+= 1
      return
    }
    own[at].newest = timestamp
    if states[at].contains(.met) {
      later.append(LaterSample(slot: slot, timestamp: timestamp, value: value))
    } else {
      states[at].insert(.met)
      values[at] = value
      own[at].row = timestamp
    }
  }

  /// As though nothing of this scrape had been read yet.
  mutating func beginScrape() {
    readSucceeded = false
    marked = []
    formerOwn = []
    for slot in states.indices { states[slot].formIntersection(.ofFormerScrapes) }
    forgetSamples()
    values = [Double](repeating: 0, count: states.count)
  }

  mutating func forgetSamples() {
    values = []
    own = []
    ownSlots = []
    later = []
  }

  /// Takes up series that are written as none before. All or none.
  private mutating func admit(
    _ pending: [Pending], _ families: [String: MetricMetadata], in bytes: Span<UInt8>, _ reading: inout Reading
  ) throws {
    if !pending.isEmpty { try knowSlots() }
    let keys = index.count
    let slots = states.count
    let mark = parts.parts
    var added: [SeriesIdentity] = []
    var syntax = TextSeries()
    do {
      for sample in pending {
        if let key = index.find(sample.series, in: bytes, after: index.count - 1) {
          record(index.slot(of: key), sample.value, sample.timestamp, &reading)
          continue
        }
        // As long as this it is refused, or written with a great many escapes, and its bytes are not kept to find that out faster the next time.
        let isKept = sample.series.count <= Self.limitSeriesBytes
        try syntax.parse(sample.series, in: bytes)
        let scraped = try syntax.labels(in: bytes, under: sample.type)
        let merged = labels.merged(scraped.pairs)
        try limits.check(merged)
        let stored = labels.complete(merged)
        var slot = KeyIndex.refused
        if Self.fits(stored) {
          let identity = SeriesIdentity(stored)
          if let same = slotOf?[identity] {
            slot = same
          } else {
            slot = UInt32(states.count)
            try parts.append(Series(stored, FamilyMetadata.of(scraped.metricName, in: families)))
            slotOf?[identity] = slot
            added.append(identity)
            appendSlot()
          }
        }
        if isKept { index.insert(sample.series, in: bytes, slot: slot) }
        record(slot, sample.value, sample.timestamp, &reading)
      }
    } catch {
      index.truncate(to: keys)
      parts.restore(mark)
      for identity in added { slotOf?[identity] = nil }
      states.removeLast(states.count - slots)
      values.removeLast(values.count - slots)
      if !lastOwn.isEmpty { lastOwn.removeLast(lastOwn.count - slots) }
      if !own.isEmpty { own.removeLast(own.count - slots) }
      throw error
    }
  }

  private mutating func appendSlot() {
    states.append([])
    values.append(0)
    if !lastOwn.isEmpty { lastOwn.append(.min) }
    if !own.isEmpty { own.append(.init()) }
  }

  private static func fits(_ labels: Labels) -> Bool {
    guard !labels.pairs.isEmpty, labels.pairs.count <= FormatLimits.seriesLabels else { return false }
    return labels.pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } <= limitSeriesBytes
  }
}
