import Codec
import Model
import Parsing
import Synchronization

/// One tenant's series and their places. See ``SeriesInterner``.
public final class TenantSeries: Sendable {
  private let signal: Signal
  private let limitSeries: Int
  private let budget: SeriesBudget
  private let tick: Duration
  private let now: @Sendable () -> ContinuousClock.Instant
  private let start: ContinuousClock.Instant
  private let state: Mutex<TenantState>
  /// What is known of its metric families.
  let families: FamilyMemory

  init(
    _ signal: Signal, _ limits: PushLimits, _ budget: SeriesBudget, silence: Duration,
    now: @escaping @Sendable () -> ContinuousClock.Instant
  ) {
    self.signal = signal
    limitSeries = limits.seriesPerTenant
    self.budget = budget
    tick = silence / Double(TenantState.silentTicks)
    self.now = now
    start = now()
    state = Mutex(TenantState(lastUse: start))
    families = FamilyMemory(budget)
  }

  deinit { budget.giveBack(state.withLock { $0.units } + SeriesBudget.unitsOfTenant) }

  var lastUse: ContinuousClock.Instant { state.withLock { $0.lastUse } }

  /// Series that were seen within the silence that is allowed, as far as has been looked.
  public var aliveCount: Int { state.withLock { $0.alive } }

  /// Keys that are held, more than one for a series that comes in several spellings.
  var keyCount: Int { state.withLock { $0.keys.count } }

  private func ticks(_ now: ContinuousClock.Instant) -> Int { Int((now - start) / tick) }

  /// The places of those of the keys that are known, in their order; nil is never known. `metadata` is empty, or has a hash for each key (0: none came
  /// along) by which those whose metadata changed are found.
  public func find(_ keys: [SeriesKey?], metadata: [UInt32] = []) -> SeriesPlaces {
    let now = now()
    let ticks = ticks(now)
    var found = SeriesPlaces()
    found.places.reserveCapacity(keys.count)
    let freed = state.withLock { state in
      state.lastUse = now
      let freed = state.sweepIfDue(ticks)
      state.find(keys, metadata, ticks: ticks, limitSeries: limitSeries, into: &found)
      return freed
    }
    budget.giveBack(freed)
    return found
  }

  /// Gives each a place, or finds the one that it has under its canonical key; ``SeriesPlace/none`` for those for which there is no room.
  public func take(_ new: [NewSeries]) -> SeriesPlaces {
    let now = now()
    let ticks = ticks(now)
    let lanes = new.map { SeriesLane.of($0.series.labels) }
    var found = SeriesPlaces()
    found.places.reserveCapacity(new.count)
    state.withLock { state in
      state.lastUse = now
      for (one, lane) in zip(new, lanes) {
        let place = state.take(one, lane: lane, ticks: ticks, limitSeries: limitSeries, budget) {
          SeriesGroup(source: SeriesLane.source(of: lane), signal: signal, now: now)
        }
        found.places.append(place)
        if place != .none, found.groups[place.group] == nil {
          found.groups[place.group] = state.groups[place.group]?.group
        }
      }
    }
    return found
  }
}
