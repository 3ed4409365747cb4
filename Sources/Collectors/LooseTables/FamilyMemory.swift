import Model
import Parsing
import Synchronization

/// What a tenant's senders said of their metric families, for the tables: bounded, and with a version that tells when it changed.
///
/// Remote write 1.0 sends it by family name in requests of its own, once a minute; 2.0 with each series. It is asked for by the name of a series' metric: first under
/// that name, then under the family's (`x_bucket` of the histogram `x`).
final class FamilyMemory: Sendable {
  static let limitTextBytes = 4 << 20
  static let limitHelpBytes = 4096
  static let settling = Duration.seconds(30)

  private let state = Mutex(State())
  private let budget: SeriesBudget

  init(_ budget: SeriesBudget) { self.budget = budget }

  deinit { budget.giveBack(state.withLock { $0.units }) }

  fileprivate struct State {
    var families: [ByteString: MetricMetadata] = [:]
    var textBytes = 0
    var units = 0
    var version = 0
    var changed: ContinuousClock.Instant?
  }

  /// Remembers it. Past the bound new families are not remembered; known ones still change. False when there was no room.
  @discardableResult
  func note(_ family: String, _ metadata: MetricMetadata, now: ContinuousClock.Instant) -> Bool {
    let longest = max(metadata.help.utf8.count, metadata.unit.utf8.count, family.utf8.count)
    guard longest <= Self.limitHelpBytes, metadata != .none else { return false }
    return state.withLock { state in
      let name = ByteString(family)
      let known = state.families[name]
      if known == metadata { return true }
      // What a changed one held before is not given back until the tenant is forgotten: it costs no more than a change seldom is.
      let bytes = family.utf8.count + metadata.help.utf8.count + metadata.unit.utf8.count
      let before = known.map { family.utf8.count + $0.help.utf8.count + $0.unit.utf8.count } ?? 0
      let units = SeriesBudget.units(ofTextBytes: bytes)
      if known == nil || bytes > before {
        guard state.textBytes + bytes - before <= Self.limitTextBytes, budget.take(units) else { return false }
        state.units += units
      }
      state.textBytes += bytes - before
      state.families[name] = metadata
      state.version += 1
      state.changed = now
      return true
    }
  }

  /// The version, once it has been the same for half a minute; nil while it changes, so that tables are not made for each of many requests of metadata.
  func settledVersion(_ now: ContinuousClock.Instant) -> Int? {
    state.withLock { state in
      if let changed = state.changed, now - changed < Self.settling { return nil }
      return state.version
    }
  }

  /// Gives metadata to those series that came without.
  func describe(_ series: inout [Series]) {
    state.withLock { state in
      if state.families.isEmpty { return }
      for index in series.indices where series[index].metadata == .none {
        if let metadata = state.metadata(of: series[index].labels) { series[index].metadata = metadata }
      }
    }
  }

  /// Gives what is known now to all of them; those of unknown families keep what they have.
  func describeAnew(_ series: inout [Series]) {
    state.withLock { state in
      for index in series.indices {
        if let metadata = state.metadata(of: series[index].labels) { series[index].metadata = metadata }
      }
    }
  }
}

extension FamilyMemory.State {
  fileprivate func metadata(of labels: Labels) -> MetricMetadata? {
    let name = labels.metricName
    if let metadata = families[ByteString(name)] { return metadata }
    return MetricFamily.of(sample: name) { families[ByteString($0)]?.type }.flatMap {
      families[ByteString($0)]
    }
  }
}
