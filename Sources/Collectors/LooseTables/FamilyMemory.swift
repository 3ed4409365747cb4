import Model
import Parsing
import Synchronization

/// What a tenant's senders said of their metric families, for the tables: bounded, and with a version that tells when it changed.
///
/// Remote write 1.0 sends it by family name in requests of its own, once a minute; 2.0 with each series. It is asked for by the name of a series' metric: first under
/// that name, then under the family's (`x_bucket` of the histogram `x`).
///
/// Targets of different releases say different things of one family, each of them every minute, and there is room for one: what is known stays for as long as somebody says it, so
/// that tables are not made again and again as the last word changes.
final class FamilyMemory: Sendable {
  static let limitTextBytes = 4 << 20
  static let limitHelpBytes = 4096
  static let settling = Duration.seconds(30)
  /// What was said within that time is not replaced by something else: three of Prometheus' intervals.
  static let holding = Duration.seconds(180)

  private let state = Mutex(State())
  private let budget: SeriesBudget

  init(_ budget: SeriesBudget) { self.budget = budget }

  deinit { budget.giveBack(state.withLock { $0.units }) }

  fileprivate struct Family {
    var metadata: MetricMetadata
    /// When it was said last.
    var said: ContinuousClock.Instant
  }

  fileprivate struct State {
    var families: [ByteString: Family] = [:]
    var textBytes = 0
    var units = 0
    var version = 0
    var changed: ContinuousClock.Instant?
  }

  /// Remembers it. Past the bound new families are not remembered; known ones still change. False when there was no room. `replacing`: at once, from a sender who says it
  /// only when it changed.
  @discardableResult
  func note(
    _ family: String, _ metadata: MetricMetadata, now: ContinuousClock.Instant, replacing: Bool = false
  ) -> Bool {
    let longest = max(metadata.help.utf8.count, metadata.unit.utf8.count, family.utf8.count)
    guard longest <= Self.limitHelpBytes, metadata != .none else { return false }
    return state.withLock { state in
      let name = ByteString(family)
      let known = state.families[name]
      if let known {
        if known.metadata == metadata {
          state.families[name]?.said = now
          return true
        }
        if !replacing, now - known.said < Self.holding { return true }
      }
      let before = known.map { Self.textBytes(family, $0.metadata) } ?? 0
      let bytes = Self.textBytes(family, metadata)
      let units = SeriesBudget.units(ofTextBytes: bytes) - (known == nil ? 0 : SeriesBudget.units(ofTextBytes: before))
      guard state.textBytes + bytes - before <= Self.limitTextBytes else { return false }
      if units > 0 {
        guard budget.take(units) else { return false }
      } else {
        budget.giveBack(-units)
      }
      state.units += units
      state.textBytes += bytes - before
      state.families[name] = Family(metadata: metadata, said: now)
      state.version += 1
      state.changed = now
      return true
    }
  }

  private static func textBytes(_ family: String, _ metadata: MetricMetadata) -> Int {
    family.utf8.count + metadata.help.utf8.count + metadata.unit.utf8.count
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
    if let family = families[ByteString(name)] { return family.metadata }
    return MetricFamily.of(sample: name) { families[ByteString($0)]?.metadata.type }.flatMap {
      families[ByteString($0)]?.metadata
    }
  }
}
