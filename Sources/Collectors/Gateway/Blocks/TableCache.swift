import Codec
import Model
import Synchronization

/// Tables that came with blocks, so that a sender need not send them again: by tenant and name, so that nobody can use a table by knowing its
/// name, and so many bytes at most. What was used longest ago goes first.
final class TableCache: Sendable {
  private struct Key: Hashable {
    let tenant: Tenant
    let name: TableName
  }

  private struct Entry {
    let table: SeriesTable
    var usedAt: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    /// Keys by the time of their use, of which the newest counts.
    var uses: [(key: Key, at: UInt64)] = []
    var firstUse = 0
    var bytes = 0
    var clock: UInt64 = 0
  }

  private let limitBytes: Int
  private let state = Mutex(State())

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  var count: Int { state.withLock { $0.entries.count } }
  var bytes: Int { state.withLock { $0.bytes } }

  func table(_ name: TableName, of tenant: Tenant) -> SeriesTable? {
    state.withLock { state in
      let key = Key(tenant: tenant, name: name)
      guard let table = state.entries[key]?.table else { return nil }
      Self.use(key, &state)
      return table
    }
  }

  /// Verified by whoever adds it.
  func add(_ table: SeriesTable, of tenant: Tenant) {
    state.withLock { state in
      let key = Key(tenant: tenant, name: table.name)
      let size = Self.size(table)
      guard size <= limitBytes else { return }
      if state.entries[key] == nil {
        state.entries[key] = Entry(table: table, usedAt: 0)
        state.bytes += size
      }
      Self.use(key, &state)
      while state.bytes > limitBytes, state.firstUse < state.uses.count {
        let oldest = state.uses[state.firstUse]
        state.firstUse += 1
        guard let entry = state.entries[oldest.key], entry.usedAt == oldest.at else { continue }
        state.entries[oldest.key] = nil
        state.bytes -= Self.size(entry.table)
      }
    }
  }

  private static func use(_ key: Key, _ state: inout State) {
    state.clock += 1
    state.entries[key]?.usedAt = state.clock
    state.uses.append((key, state.clock))
    // Uses that do not count any more go as soon as they are most of the list.
    guard state.uses.count > 64 + 4 * state.entries.count else { return }
    let entries = state.entries
    state.uses = state.uses[state.firstUse...].filter { entries[$0.key]?.usedAt == $0.at }
    state.firstUse = 0
  }

  /// With what an entry needs besides the bytes: the table's object, its place among the entries, which may be half empty, and up to five uses of 48 bytes in an
  /// array that may be half empty too. Small tables are mostly this.
  private static func size(_ table: SeriesTable) -> Int { table.bytes.count + 768 }
}
