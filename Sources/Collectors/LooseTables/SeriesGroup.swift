import Codec
import Model
import Synchronization

/// Up to 4,096 series of one tenant and source, in one to four tables that follow each other: what a row is over.
///
/// A table never changes, so new series come in a table of their own behind the others, and tables are put together as they become many: by powers of
/// eight (under 8, 64, 512, 4,096 series), each standing once at most. A series that comes alone is so written again about 18 times until its group is full, and one that comes
/// with 2,000 others twice. A full group is one table and stays; one that did not grow for ten minutes becomes one, too. Putting together does not
/// change a series' number in the group.
///
/// When what is known of a metric's family changes, the tables are made again with it: not before that knowledge has been the same for half a minute, nor more often than every
/// ten minutes.
public final class SeriesGroup: Sendable {
  static let limitSeries = 4096
  /// Of labels and metadata: far within what a table may hold, and no new series once it is reached.
  static let limitTextBytes = 4 << 20
  /// Of all its series together, so that the references to them fit a table as well.
  static let limitLabels = 1 << 19
  static let idleBeforeMerging = Duration.seconds(600)
  static let betweenRenewals = Duration.seconds(600)

  /// See `SeriesLane`.
  public let source: UInt64
  private let signal: Signal
  /// What has a number and stands in no table yet. Its own lock, held for a moment only, so that numbering never waits for the making of a table.
  private let waiting = Mutex<[Series]>([])
  private let made: Mutex<Made>

  private struct Made {
    var tables: [SeriesTable] = []
    var seriesCount = 0
    /// Taken from those that wait, and not in a table because making it failed.
    var unmade: [Series] = []
    var lastGrowth: ContinuousClock.Instant
    var lastRenewal: ContinuousClock.Instant?
    /// The state of the families that the tables agree with.
    var familyVersion = 0
  }

  init(source: UInt64, signal: Signal, now: ContinuousClock.Instant) {
    self.source = source
    self.signal = signal
    made = Mutex(Made(lastGrowth: now))
  }

  /// Series take numbers in the order in which they are added; who gives the numbers calls this in the same order.
  func add(_ series: Series) { waiting.withLock { $0.append(series) } }

  /// Tables for all series that have been added so far, one to four. Throws when a table cannot be made; the series are then tried again at the next call.
  func tables(_ families: FamilyMemory?, now: ContinuousClock.Instant) throws(FormatError) -> [SeriesTable] {
    try made.withLock { made throws(FormatError) in
      made.unmade += waiting.withLock { waiting in
        defer { waiting = [] }
        return waiting
      }
      if !made.unmade.isEmpty {
        // Asked before, so that what changes in between is not taken for known.
        let version = families?.settledVersion(now)
        if let families { families.describe(&made.unmade) }
        try grow(&made, version, now)
      } else if made.tables.count > 1, now - made.lastGrowth > Self.idleBeforeMerging {
        try replace(&made, from: 0, with: try content(made.tables))
      }
      if let families { try renew(&made, families, now) }
      return made.tables
    }
  }

  private func grow(_ made: inout Made, _ version: Int?, _ now: ContinuousClock.Instant) throws(FormatError) {
    var size = made.unmade.count
    var kept = made.tables.count
    let isFull = made.seriesCount + size >= Self.limitSeries
    while kept > 0, isFull || Self.level(made.tables[kept - 1].seriesCount) <= Self.level(size) {
      kept -= 1
      size += made.tables[kept].seriesCount
    }
    try replace(&made, from: kept, with: try content(Array(made.tables[kept...])) + made.unmade)
    if made.seriesCount == 0, let version { made.familyVersion = version }
    made.seriesCount += made.unmade.count
    made.unmade = []
    made.lastGrowth = now
  }

  private func renew(_ made: inout Made, _ families: FamilyMemory, _ now: ContinuousClock.Instant) throws(FormatError) {
    guard let version = families.settledVersion(now), version != made.familyVersion else { return }
    if let last = made.lastRenewal, now - last < Self.betweenRenewals { return }
    let old = try content(made.tables)
    var new = old
    families.describeAnew(&new)
    if new != old { try replace(&made, from: 0, with: new) }
    made.familyVersion = version
    made.lastRenewal = now
  }

  private func replace(_ made: inout Made, from first: Int, with series: [Series]) throws(FormatError) {
    let table = try SeriesTable(encoding: series, signal: signal)
    made.tables.replaceSubrange(first..., with: [table])
  }

  private func content(_ tables: [SeriesTable]) throws(FormatError) -> [Series] {
    var series: [Series] = []
    for table in tables { series += try table.decode() }
    return series
  }

  /// 0 for under 8 series, 1 under 64, 2 under 512, 3 under 4,096.
  private static func level(_ count: Int) -> Int { (Int.bitWidth - 1 - max(1, count).leadingZeroBitCount) / 3 }
}
