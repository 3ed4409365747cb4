import Synchronization

/// The senders that were heard of, so many at most: past it the one that was silent longest is forgotten, with its rate.
final class SenderRecords: Sendable {
  private let limit: Int
  private let records = Mutex<[String: SenderRecord]>([:])

  private let budget: ByteBudget

  init(limit: Int, budget: ByteBudget) {
    self.limit = max(1, limit)
    self.budget = budget
  }

  func record(of name: String, limits: SenderLimits, now: ContinuousClock.Instant = .now) -> SenderRecord {
    records.withLock { records in
      if let known = records[name] { return known }
      if records.count >= limit, let oldest = records.min(by: { $0.value.figures.lastSeen < $1.value.figures.lastSeen })
      {
        records[oldest.key] = nil
      }
      let record = SenderRecord(name: name, limits: limits, share: budget.share(), now: now)
      records[name] = record
      return record
    }
  }

  /// In the order of their names.
  var all: [SenderRecord] { records.withLock { Array($0.values) }.sorted { $0.name < $1.name } }
}
