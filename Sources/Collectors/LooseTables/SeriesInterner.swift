import Codec
import Model
import Parsing
import Synchronization

/// Gives the series (or log streams) of pushed requests fixed places in tables that hardly ever change: per tenant, in the order of first sight.
///
/// **Finding.** A request's reader makes a `SeriesKey` of each label set's bytes as they came (or of what stands for them) and asks
/// ``TenantSeries/find(_:)`` for all at once: one short lock, no strings. What is not found is parsed and checked, and goes with its canonical key to
/// ``TenantSeries/take(_:)``, which knows it under another spelling or gives it a place. A known series costs 40 to 50 bytes besides its share of a
/// table's compressed bytes, and as much again where it comes in a second spelling.
///
/// **Places.** A place is a group and a number in it. A group holds up to 4,096 series of one source (see ``SeriesLane``: by the target that they say
/// they are of) in one to four tables, which grow as ``SeriesGroup`` says; a row is over the tables of one group. Numbers in a group never change. When a group is
/// full the next one of its source begins, so a tenant whose series stay has full groups of one table each, and one group a source that fills slowly.
///
/// **Forgetting.** Each series has the time of its last sight, in sixtieths of the silence that is allowed (an hour). Every five of them a tenant's series
/// are looked through by whichever request comes then: silent ones count as alive no more, and a group of which under half is alive is given up. Its live series
/// take places in newer groups when they come again. So what is held stays below twice what is alive, and the tables follow the churn. A
/// tenant that is silent is forgotten as a whole. What a request has found stays valid for it: it holds the groups themselves.
///
/// **Bounds.** `seriesPerTenant` of those alive, `seriesOfAllTenants` of all that is held. Past either, new series get no place and known ones go on.
///
/// Locks: the table of tenants and each tenant's keys have one each that is held for the looking up of one request; the making of tables holds only the lock of its
/// group.
public final class SeriesInterner: Sendable {
  let signal: Signal
  let limits: PushLimits
  let silence: Duration
  private let now: @Sendable () -> ContinuousClock.Instant
  private let budget: SeriesBudget
  private let state: Mutex<State>

  private struct State {
    var tenants: [Tenant: TenantSeries] = [:]
    var lastSweep: ContinuousClock.Instant
  }

  public init(
    signal: Signal, limits: PushLimits, silence: Duration = .seconds(3600),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.signal = signal
    self.limits = limits
    // Less would be no silence: ticks are a sixtieth of it.
    self.silence = max(silence, .seconds(60))
    self.now = now
    budget = SeriesBudget(limit: limits.seriesOfAllTenants)
    state = Mutex(State(lastSweep: now()))
  }

  /// The tenant's series, made when it is new. Nil when all tenants together hold so much that there is no room for another.
  public func series(of tenant: Tenant) -> TenantSeries? {
    let now = now()
    // Those forgotten are let go after the lock, as that takes a while.
    var forgotten: [TenantSeries] = []
    return state.withLock { state in
      if now - state.lastSweep > silence / 12 {
        state.lastSweep = now
        for (name, series) in state.tenants where now - series.lastUse > silence {
          forgotten.append(series)
          state.tenants[name] = nil
        }
      }
      if let series = state.tenants[tenant] { return series }
      guard budget.take(SeriesBudget.unitsOfTenant) else { return nil }
      let series = TenantSeries(signal, limits, budget, silence: silence, now: self.now)
      state.tenants[tenant] = series
      return series
    }
  }

  /// For metrics and tests: tenants, series alive, and what counts towards `seriesOfAllTenants`.
  public var counts: (tenants: Int, alive: Int, held: Int) {
    let tenants = state.withLock { Array($0.tenants.values) }
    return (tenants.count, tenants.reduce(0) { $0 + $1.aliveCount }, budget.inUse)
  }
}

/// Where a series stands: a group and its number there.
public struct SeriesPlace: Hashable, Sendable {
  public let group: UInt32
  /// Counts through the group's tables.
  public let index: UInt32

  /// For what has none.
  public static let none = SeriesPlace(group: .max, index: .max)
}

/// A series without a place, parsed and checked.
public struct NewSeries: Sendable {
  /// Of the canonical spelling: equal for equal label sets.
  public var key: SeriesKey
  /// Of the spelling in which it came; nil when that cannot be looked up, or is the canonical one.
  public var spelling: SeriesKey?
  public var series: Series
  /// Bytes of its labels.
  public var textBytes: Int
  /// Of the metadata that came along, 0 for none: see ``TenantSeries/find(_:metadata:)``.
  public var metadataHash: UInt32

  public init(key: SeriesKey, spelling: SeriesKey?, series: Series, textBytes: Int, metadataHash: UInt32 = 0) {
    self.key = key
    self.spelling = spelling == key ? nil : spelling
    self.series = series
    self.textBytes = textBytes
    self.metadataHash = metadataHash
  }
}

/// The places of a request's series, and the groups in which they are.
public struct SeriesPlaces: Sendable {
  /// One for each key, ``SeriesPlace/none`` where there is none.
  public internal(set) var places: [SeriesPlace] = []
  public internal(set) var groups: [UInt32: SeriesGroup] = [:]
  /// Those that came with other metadata than before.
  public internal(set) var described: [Int] = []

  public init() {}
}
