import Model
import Parsing

/// A tenant's keys, the places that they stand for, and when those were last seen: what `TenantSeries` has behind its lock.
///
/// Time is counted in ticks, 60 of which are the silence after which a series counts as alive no more.
struct TenantState: Sendable {
  static let silentTicks = 60
  static let ticksBetweenSweeps = 5

  struct Slot: Sendable {
    let place: SeriesPlace
    /// The tick of the last sight, modulo 65,535 and plus 1; 0 for one that is not alive.
    var seen: UInt16
    /// Of the metadata that came along last; 0 while none did.
    var metadata: UInt32
  }

  struct Filled: Sendable {
    let group: SeriesGroup
    var seriesCount = 0
    var textBytes = 0
    var labels = 0
    var units = 0
  }

  var lastUse: ContinuousClock.Instant
  private(set) var keys = KeyMap()
  private(set) var slots: [Slot] = []
  private(set) var groups: [UInt32: Filled] = [:]
  /// For each lane the group that takes new series.
  private var open: [UInt32?] = Array(repeating: nil, count: SeriesLane.count)
  private var nextGroup: UInt32 = 0
  private(set) var alive = 0
  /// What is taken of the budget.
  private(set) var units = 0
  private var lastSweep = 0

  init(lastUse: ContinuousClock.Instant) { self.lastUse = lastUse }

  private static func stamp(_ ticks: Int) -> UInt16 { UInt16(truncatingIfNeeded: ticks % 65_535 + 1) }

  mutating func find(
    _ wanted: [SeriesKey?], _ metadata: [UInt32], ticks: Int, limitSeries: Int, into found: inout SeriesPlaces
  ) {
    let stamp = Self.stamp(ticks)
    var expected = 0
    var group = UInt32.max
    for (index, key) in wanted.enumerated() {
      guard let key, let entry = keys.find(key, expected: expected) else {
        found.places.append(.none)
        continue
      }
      expected = entry &+ 1
      let slot = keys.slot(ofEntry: entry)
      guard see(slot, stamp, limitSeries) else {
        found.places.append(.none)
        continue
      }
      if !metadata.isEmpty, metadata[index] != 0, metadata[index] != slots[slot].metadata {
        slots[slot].metadata = metadata[index]
        found.described.append(index)
      }
      let place = slots[slot].place
      found.places.append(place)
      if place.group != group {
        group = place.group
        if found.groups[group] == nil { found.groups[group] = groups[group]?.group }
      }
    }
  }

  /// False when it is not alive and there is no room for it.
  @inline(__always)
  private mutating func see(_ slot: Int, _ stamp: UInt16, _ limitSeries: Int) -> Bool {
    let before = slots[slot].seen
    if before == stamp { return true }
    if before == 0 {
      guard alive < limitSeries else { return false }
      alive += 1
    }
    slots[slot].seen = stamp
    return true
  }

  /// The place of a series that may be known under its canonical key; makes one when it is not. ``SeriesPlace/none`` when there is no room.
  mutating func take(
    _ new: NewSeries, lane: Int, ticks: Int, limitSeries: Int, _ budget: SeriesBudget, group make: () -> SeriesGroup
  ) -> SeriesPlace {
    let stamp = Self.stamp(ticks)
    if let entry = keys.find(new.key, expected: .max) {
      let slot = keys.slot(ofEntry: entry)
      guard see(slot, stamp, limitSeries) else { return .none }
      add(spelling: new.spelling, slot)
      return slots[slot].place
    }
    let units = SeriesBudget.units(ofTextBytes: new.textBytes)
    guard alive < limitSeries, slots.count < Int(UInt32.max), budget.take(units) else { return .none }
    self.units += units
    let place = newPlace(new, lane, units, make)
    alive += 1
    slots.append(Slot(place: place, seen: stamp, metadata: new.metadataHash))
    keys.insert(new.key, slot: slots.count - 1)
    add(spelling: new.spelling, slots.count - 1)
    return place
  }

  /// Spellings are a comfort: a sender that shuffles its labels each time must not fill the memory with them.
  private mutating func add(spelling: SeriesKey?, _ slot: Int) {
    guard let spelling, keys.count < slots.count * 3, keys.find(spelling, expected: .max) == nil else { return }
    keys.insert(spelling, slot: slot)
  }

  private mutating func newPlace(
    _ new: NewSeries, _ lane: Int, _ units: Int, _ make: () -> SeriesGroup
  ) -> SeriesPlace {
    var id = nextGroup
    var filled: Filled
    if let opened = open[lane], let found = groups[opened] {
      id = opened
      filled = found
    } else {
      filled = Filled(group: make())
      nextGroup &+= 1
    }
    let place = SeriesPlace(group: id, index: UInt32(filled.seriesCount))
    filled.group.add(new.series)
    filled.seriesCount += 1
    filled.textBytes += new.textBytes + new.series.metadata.help.utf8.count + new.series.metadata.unit.utf8.count
    filled.labels += new.series.labels.pairs.count
    filled.units += units
    groups[id] = filled
    let isFull =
      filled.seriesCount == SeriesGroup.limitSeries || filled.textBytes >= SeriesGroup.limitTextBytes
      || filled.labels >= SeriesGroup.limitLabels
    open[lane] = isFull ? nil : id
    return place
  }

  /// Looks through the series when that is due. Returns the units of the budget that became free.
  mutating func sweepIfDue(_ ticks: Int) -> Int {
    guard ticks - lastSweep >= Self.ticksBetweenSweeps else { return 0 }
    lastSweep = ticks
    let now = Int(Self.stamp(ticks))
    var aliveOf: [UInt32: Int] = [:]
    alive = 0
    for index in slots.indices where slots[index].seen != 0 {
      let age = (now - Int(slots[index].seen) + 65_535) % 65_535
      if age > Self.silentTicks {
        slots[index].seen = 0
      } else {
        alive += 1
        aliveOf[slots[index].place.group, default: 0] += 1
      }
    }
    let given = groups.filter { id, filled in aliveOf[id, default: 0] * 2 < filled.seriesCount }
    if given.isEmpty { return 0 }
    return giveUp(given)
  }

  private mutating func giveUp(_ given: [UInt32: Filled]) -> Int {
    let freed = given.values.reduce(0) { $0 + $1.units }
    units -= freed
    for id in given.keys { groups[id] = nil }
    for lane in open.indices where open[lane].map({ groups[$0] == nil }) ?? false { open[lane] = nil }
    var moved: [Int?] = []
    moved.reserveCapacity(slots.count)
    var kept: [Slot] = []
    for slot in slots {
      guard groups[slot.place.group] != nil else {
        moved.append(nil)
        if slot.seen != 0 { alive -= 1 }
        continue
      }
      moved.append(kept.count)
      kept.append(slot)
    }
    slots = kept
    keys.follow { moved[$0] }
    return freed
  }
}
