import Codec

/// Which tables have been sent to a gateway, on one connection. Bounded: past its limit it starts over, which costs that tables are sent once more.
struct SentTables: Sendable {
  static let limit = 16_384

  private var names: Set<TableName> = []

  var count: Int { names.count }

  /// Whether it has to be sent, now. Asked once, it counts as sent.
  mutating func take(_ name: TableName) -> Bool {
    if names.contains(name) { return false }
    if names.count >= Self.limit { names = [] }
    names.insert(name)
    return true
  }

  /// The gateway does not have them any more.
  mutating func forget(_ forgotten: some Sequence<TableName>) { names.subtract(forgotten) }
}
