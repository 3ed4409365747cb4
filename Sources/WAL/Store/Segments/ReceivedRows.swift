import Model

/// All rows of other logs that this one holds or has held, by tenant and origin, bounded. A value; the writer owns it.
struct ReceivedRows: Sendable {
  /// 10,000 senders that start anew every other day, over the 35 days of `dedupe_window`.
  static let limitOrigins = 200_000
  /// What an origin takes on the disk, with room to spare: a small log knows fewer.
  static let bytesEach = 2048

  private(set) var tenants: [Tenant: [Origin: ReceivedOrigin]] = [:]
  private(set) var count = 0

  init() {}

  init(_ entries: [ReceivedKey: ReceivedOrigin]) {
    for (key, rows) in entries { self[key] = rows }
  }

  subscript(key: ReceivedKey) -> ReceivedOrigin? {
    get { tenants[key.tenant]?[key.origin] }
    set {
      let before = tenants[key.tenant, default: [:]].count
      tenants[key.tenant, default: [:]][key.origin] = newValue
      let after = tenants[key.tenant]?.count ?? 0
      if after == 0 { tenants[key.tenant] = nil }
      count += after - before
    }
  }

  /// What either knows.
  mutating func formUnion(_ entries: [ReceivedKey: ReceivedOrigin]) {
    for (key, rows) in entries {
      if var known = self[key] {
        known.formUnion(rows)
        self[key] = known
      } else {
        self[key] = rows
      }
    }
  }

  /// Forgets origins that were heard of last before `time`; says which.
  mutating func forgetSilent(before time: Int64) -> [ReceivedKey] {
    var gone: [ReceivedKey] = []
    for (tenant, origins) in tenants {
      for (origin, rows) in origins where rows.lastHeard < time {
        gone.append(ReceivedKey(tenant: tenant, origin: origin))
      }
    }
    for key in gone { self[key] = nil }
    return gone
  }

  /// Past `limit`, forgets the longest silent origins of the tenants that have the most, a hundredth of the limit more than needed, so that a sender
  /// with ever new origins does not cost a search each time. Says which.
  ///
  /// No tenant ends up with fewer than one that had as many, but for one: of a thousand with 200 each, all lose two or three of theirs and none loses all.
  mutating func forgetBeyond(_ limit: Int) -> [ReceivedKey] {
    guard count > limit else { return [] }
    let excess = min(count, count - limit + limit / 100)
    let kept = keptByEach(without: excess)
    var silent: [(key: ReceivedKey, lastHeard: Int64)] = []
    for (tenant, origins) in tenants where origins.count > kept {
      silent += origins.sorted { $0.value.lastHeard < $1.value.lastHeard }.prefix(origins.count - kept)
        .map { (ReceivedKey(tenant: tenant, origin: $0.key), $0.value.lastHeard) }
    }
    silent.sort { $0.lastHeard < $1.lastHeard }
    let gone = silent.prefix(excess).map(\.key)
    for key in gone { self[key] = nil }
    return gone
  }

  /// The most origins that every tenant may keep so that at least `excess` go.
  private func keptByEach(without excess: Int) -> Int {
    let counts = tenants.values.map(\.count)
    var (low, high) = (0, counts.max() ?? 0)
    while low < high {
      let middle = (low + high + 1) / 2
      if counts.reduce(0, { $0 + max(0, $1 - middle) }) >= excess { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
