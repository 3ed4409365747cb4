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

  /// Past `limit`, forgets the longest silent origins of the tenant that has the most, a hundredth of the limit more than needed, so that a sender
  /// with ever new origins does not cost a search each time. Says which.
  mutating func forgetBeyond(_ limit: Int) -> [ReceivedKey] {
    var gone: [ReceivedKey] = []
    while count > limit, let (tenant, origins) = tenants.max(by: { $0.value.count < $1.value.count }) {
      let excess = min(origins.count, count - limit + limit / 100)
      for (origin, _) in origins.sorted(by: { $0.value.lastHeard < $1.value.lastHeard }).prefix(excess) {
        let key = ReceivedKey(tenant: tenant, origin: origin)
        self[key] = nil
        gone.append(key)
      }
    }
    return gone
  }
}
