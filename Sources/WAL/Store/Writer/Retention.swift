/// Which segments may go, decided without touching any.
enum Retention {
  struct Limits: Sendable {
    /// Milliseconds of the log's own time; nil keeps segments of any age.
    var maxAge: Int64?
    var keepDelivered: Int64
  }

  enum Reason: Sendable, Equatable {
    /// Every consumer has had it.
    case delivered
    case tooOld
  }

  /// Sealed segments, oldest first, with the reason why each may go. Stops at the first that stays: what is removed is always the
  /// oldest part, so that offsets have no holes.
  ///
  /// `bases` are the cursors that keep segments. With none at all nothing counts as delivered: the log of an agent whose forwarder
  /// has not started yet is not an empty log.
  static func removable(
    sealed: some Sequence<SegmentTotals>, bases: [UInt64], now: Int64, limits: Limits
  ) -> [(first: UInt64, reason: Reason)] {
    var found: [(UInt64, Reason)] = []
    let floor = bases.min()
    for totals in sealed {
      let age = max(0, now - totals.sealedAt)
      if let floor, totals.end <= floor, age >= limits.keepDelivered {
        found.append((totals.first, .delivered))
      } else if let maxAge = limits.maxAge, age > maxAge {
        found.append((totals.first, .tooOld))
      } else {
        break
      }
    }
    return found
  }
}
