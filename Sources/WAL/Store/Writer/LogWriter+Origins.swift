import Codec
import Model

// Which rows of other logs are known, and where that is written down. A segment has what changed while it was written. The rest comes along at each
// roll while it is little; past that the catalog keeps it, since 200,000 origins would make each roll slow and each segment a third larger.
extension LogWriter {
  /// Up to so many origins each segment starts with all of them.
  static let carriedOrigins = 8192

  private var limitOrigins: Int {
    min(ReceivedRows.limitOrigins, max(256, configuration.maxSizeBytes / ReceivedRows.bytesEach))
  }

  /// After the commit that holds them.
  func remember(_ changed: [ReceivedKey: ReceivedOrigin]) {
    for (key, rows) in changed {
      received[key] = rows
      unsavedOrigins.insert(key)
      if !forgottenOrigins.isEmpty { forgottenOrigins.remove(key) }
    }
    guard received.count > limitOrigins else { return }
    let gone = received.forgetBeyond(limitOrigins)
    forget(gone)
    count { $0.originsForgotten += UInt64(gone.count) }
  }

  private func forget(_ keys: [ReceivedKey]) {
    for key in keys {
      unsavedOrigins.remove(key)
      forgottenOrigins.insert(key)
    }
  }

  /// For a new segment: all of them, or those that the catalog does not have durably. The silent ones are forgotten first.
  func originsToCarry(now: Int64) -> (origins: [ReceivedKey: ReceivedOrigin], needsCatalog: Bool) {
    forget(received.forgetSilent(before: now - configuration.dedupeWindow.milliseconds))
    var origins: [ReceivedKey: ReceivedOrigin] = [:]
    guard received.count > Self.carriedOrigins else {
      received.forEach { origins[$0] = $1 }
      return (origins, false)
    }
    saveOrigins()
    for key in unsavedOrigins { origins[key] = received[key] }
    return (origins, true)
  }

  /// Puts what has changed into the catalog, durably. What could not be saved is carried.
  private func saveOrigins() {
    var changes = Catalog.Changes()
    for key in unsavedOrigins { changes.received[key] = received[key] }
    changes.forgottenOrigins = forgottenOrigins
    if changes.isEmpty { return }
    do throws(LogError) {
      try usingReserve { () throws(LogError) in try catalog().apply(changes) }
    } catch {
      count { $0.catalogFailures += 1 }
      note(trouble: error.description)
      return
    }
    guard flushCatalog() else { return }
    unsavedOrigins = []
    forgottenOrigins = []
  }
}
