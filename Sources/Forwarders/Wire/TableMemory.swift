import Codec
import Synchronization

/// What was made of the tables that were sent last, within a bound of bytes, so that a delivery over known tables makes nothing anew.
final class TableMemory<Made: Sendable>: Sendable {
  let limitBytes: Int
  private let byteCount: @Sendable (Made) -> Int
  private let state = Mutex(State())

  private struct State {
    var entries: [TableName: Entry] = [:]
    var bytes = 0
    var uses: UInt64 = 0

    mutating func find(_ name: TableName) -> Made? {
      guard let at = entries.index(forKey: name) else { return nil }
      uses += 1
      entries.values[at].lastUse = uses
      return entries.values[at].made
    }

    mutating func insert(_ made: Made, _ name: TableName, byteCount: Int, limitBytes: Int) {
      guard entries[name] == nil, byteCount <= limitBytes else { return }
      uses += 1
      entries[name] = Entry(made: made, byteCount: byteCount, lastUse: uses)
      bytes += byteCount
      // What is kept costs far more to make than this search.
      while bytes > limitBytes, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
        bytes -= oldest.value.byteCount
        entries[oldest.key] = nil
      }
    }
  }

  private struct Entry {
    let made: Made
    let byteCount: Int
    var lastUse: UInt64
  }

  /// `byteCount`: about what one takes in memory.
  init(limitBytes: Int, byteCount: @escaping @Sendable (Made) -> Int) {
    self.limitBytes = limitBytes
    self.byteCount = byteCount
  }

  /// Bytes held at the moment.
  var bytes: Int { state.withLock { $0.bytes } }

  /// What is kept of the table, or what `make` makes of it, which throws when the table cannot be read.
  func value(
    of table: SeriesTable, _ make: (SeriesTable) throws(FormatError) -> Made
  ) throws(FormatError) -> Made {
    if let found = state.withLock({ $0.find(table.name) }) { return found }
    // Outside the lock: two that want the same one at the same time make it twice, which harms nobody.
    let made = try make(table)
    state.withLock { $0.insert(made, table.name, byteCount: byteCount(made), limitBytes: limitBytes) }
    return made
  }
}
