import Codec
import Model

// Which rows of other logs are known, and where that is written down. Each segment starts with what is not in the catalog, and has what changes while it
// is written. When that becomes much, the origins that have been silent the longest move to the catalog: each once, so that a roll costs what the
// senders of the day cost, and not what 200,000 origins would. Of those that it carries the catalog has a copy as of the last roll, for the day on
// which the newest segment is damaged and the one before is gone, delivered.
extension LogWriter {
  /// Up to so many origins a segment starts with. Fewer in small segments: one that is full from the start would be rolled with each commit.
  static func carriedOrigins(segmentBytes: Int) -> Int { min(16_384, max(64, segmentBytes / 4096)) }

  private var carriedOrigins: Int { Self.carriedOrigins(segmentBytes: configuration.segmentBytes) }

  private var limitOrigins: Int {
    min(ReceivedRows.limitOrigins, max(256, configuration.maxSizeBytes / ReceivedRows.bytesEach))
  }

  /// After the commit that holds them.
  func remember(_ changed: [ReceivedKey: ReceivedOrigin]) {
    for (key, rows) in changed {
      received[key] = rows
      unsavedOrigins.insert(key)
      changedOrigins.insert(key)
      if !forgottenOrigins.isEmpty { forgottenOrigins.remove(key) }
    }
    guard received.count > limitOrigins else { return }
    let gone = received.forgetBeyond(limitOrigins)
    forget(gone)
    count { $0.originsForgotten += UInt64(gone.count) }
  }

  private func forget(_ keys: [ReceivedKey]) {
    // One that changed since may be in the catalog as it was before.
    for key in keys {
      unsavedOrigins.remove(key)
      changedOrigins.remove(key)
      forgottenOrigins.insert(key)
    }
  }

  /// For a new segment: all that the catalog does not have. Those that were silent for too long are forgotten first.
  func originsToCarry(now: Int64) -> (origins: [ReceivedKey: ReceivedOrigin], needsCatalog: Bool) {
    forget(received.forgetSilent(before: now - configuration.dedupeWindow.milliseconds))
    saveOrigins()
    var origins: [ReceivedKey: ReceivedOrigin] = [:]
    origins.reserveCapacity(unsavedOrigins.count)
    for key in unsavedOrigins { origins[key] = received[key] }
    return (origins, received.count > origins.count)
  }

  /// For the catalog's copy: of those that are carried, what it does not have as it is.
  func changedOrigins(among carried: [ReceivedKey: ReceivedOrigin]) -> [ReceivedKey: ReceivedOrigin] {
    var changed: [ReceivedKey: ReceivedOrigin] = [:]
    changed.reserveCapacity(changedOrigins.count)
    for key in changedOrigins { changed[key] = carried[key] }
    return changed
  }

  /// Moves the longest silent origins to the catalog, durably, when there are many; some more at each roll, so that none takes long. Until that has
  /// succeeded they are carried.
  func saveOrigins() {
    var changes = Catalog.Changes()
    changes.forgottenOrigins = forgottenOrigins
    let excess = unsavedOrigins.count - carriedOrigins
    if excess > 0 {
      let silent = unsavedOrigins.compactMap { key in received[key].map { (key, $0) } }
        .sorted { $0.1.lastHeard < $1.1.lastHeard }.prefix(excess + carriedOrigins / 8)
      for (key, rows) in silent { changes.received[key] = rows }
    }
    if changes.isEmpty { return }
    do throws(LogError) {
      try usingReserve { () throws(LogError) in try catalog().apply(changes) }
    } catch {
      count { $0.catalogFailures += 1 }
      note(trouble: error.description)
      return
    }
    guard flushCatalog() else { return }
    for key in changes.received.keys { unsavedOrigins.remove(key) }
    forgottenOrigins = []
  }
}
