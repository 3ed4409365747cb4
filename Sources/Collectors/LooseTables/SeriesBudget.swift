import Synchronization

/// What all tenants together may have interned, so that no number of tenants uses up the memory.
final class SeriesBudget: Sendable {
  /// What a tenant takes by being there.
  static let unitsOfTenant = 64

  private let limit: Int
  private let used = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// A series, or a family's metadata: 1 for each 512 bytes of its text begun.
  static func units(ofTextBytes bytes: Int) -> Int { 1 + bytes / 512 }

  var inUse: Int { used.load(ordering: .relaxed) }

  /// False when so much is not left; nothing is taken then.
  func take(_ units: Int) -> Bool {
    let before = used.wrappingAdd(units, ordering: .relaxed).oldValue
    if before + units <= limit { return true }
    giveBack(units)
    return false
  }

  func giveBack(_ units: Int) { used.wrappingSubtract(units, ordering: .relaxed) }
}
