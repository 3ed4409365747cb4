import Codec
import Model
import Parsing
import Wire

/// Turns the bodies of remote write requests into rows. Thread-safe: any number of requests at once, of any tenants.
///
/// A series that is known costs a pass over its bytes, a hash of its labels and a look-up (`SeriesInterner` says how); no string is made. New ones are
/// parsed and checked. What is wrong with one series leaves out that series only, with a reason; the rest is stored, and since the same labels always get the same
/// place, a request that is sent again because of what was left out for now only brings the same samples once more.
///
/// A row is over the tables of one group of series, so a request becomes as many rows as it has groups: one for a sender's few thousand series, more where a
/// tenant's targets are mixed. Its source is one of 16 that depend on the series' labels only (`SeriesLane`), so that a series' samples always go the same
/// way. Samples of a series keep their order.
public final class MetricsIntake: Sendable {
  private let limits: PushLimits
  private let messageLimits: RemoteWriteLimits
  private let now: @Sendable () -> ContinuousClock.Instant
  private let interner: SeriesInterner

  /// Text of labels and metadata of new series that one request may bring; the rest of them is for another time.
  static let limitNewTextBytes = 64 << 20

  /// Whoever has the body has bounded its bytes.
  public static let ofBoundedBodies = {
    var limits = RemoteWriteLimits()
    limits.messageBytes = .max
    return limits
  }()

  /// `silence`: after it a series counts as alive no more. `now` is the clock of that.
  public init(
    limits: PushLimits, messages: RemoteWriteLimits = ofBoundedBodies, silence: Duration = .seconds(3600),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.limits = limits
    messageLimits = messages
    self.now = now
    interner = SeriesInterner(signal: .metrics, limits: limits, silence: silence, now: now)
  }

  /// For metrics: tenants, series that are alive, and what counts towards `seriesOfAllTenants`.
  public var counts: (tenants: Int, alive: Int, held: Int) { interner.counts }

  /// For tests: keys of all spellings that are held.
  func keyCount(of tenant: Tenant) -> Int { interner.series(of: tenant)?.keyCount ?? 0 }

  /// The rows of an uncompressed message, and what of it was left out. Throws when it is no such message, or too large, and then nothing of it is taken.
  public func read(_ body: [UInt8], as version: RemoteWriteVersion, tenant: Tenant) throws(PushError) -> Push {
    let columns: RemoteWriteColumns
    var new: NewMetricSeries
    let spellings: SpellingKeys
    var found: SeriesPlaces
    do {
      columns = try RemoteWriteScanner.scan(body, as: version, messageLimits)
      guard let series = interner.series(of: tenant) else {
        throw PushError.tooManySeries(
          "\(limits.seriesOfAllTenants) series of all tenants together, which is the limit: no room for tenant \(tenant)"
        )
      }
      noteFamilies(columns, of: series)
      spellings = SpellingKeys(columns, version, in: body)
      found = series.find(spellings.keys, metadata: spellings.metadata)
      new = NewMetricSeries(limits, columns, version, body)
      try new.parse(where: found, spellings)
      let taken = series.take(new.series)
      found.groups.merge(taken.groups) { old, _ in old }
      for (place, index) in zip(taken.places, new.indices) {
        found.places[index] = place
        if place == .none { new.refuse(index, limits) }
      }
      noteDescriptions(found.described, columns, body, of: series)
      var rows = MetricRows(limits, columns, version, body, found)
      return try rows.make(tenant, series.families, now(), new.rejections)
    } catch let error as PushError {
      throw error
    } catch let error as WireError {
      throw error.kind == .tooLarge ? .tooLarge("\(error)") : .invalid("\(error)")
    } catch {
      throw .invalid("\(error)")
    }
  }

  private func noteFamilies(_ columns: RemoteWriteColumns, of series: TenantSeries) {
    if columns.metadata.isEmpty { return }
    let now = now()
    for entry in columns.metadata where !entry.family.isEmpty {
      series.families.note(entry.family, entry.metadata, now: now)
    }
  }

  /// 2.0: series that came with other metadata than before. What is noted goes into the tables by and by.
  private func noteDescriptions(
    _ described: [Int], _ columns: RemoteWriteColumns, _ body: [UInt8], of series: TenantSeries
  ) {
    if described.isEmpty { return }
    let now = now()
    var next = 0
    for description in columns.descriptions {
      while next < described.count, described[next] < description.series { next += 1 }
      guard next < described.count, described[next] == description.series else { continue }
      let part = columns.series[description.series].labels
      guard case .success(let pairs) = RemoteWriteLabelReading.pairs(part, of: columns, limit: limits.labelsPerSeries)
      else { continue }
      let name = pairs.first { MessageText.text($0.name, body) == Labels.metricNameLabel }
      guard let name, let family = MessageText.text(name.value, body) else { continue }
      series.families.note(family, MessageText.metadata(description, columns, body), now: now, replacing: true)
    }
  }
}
