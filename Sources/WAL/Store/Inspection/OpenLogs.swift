import Glibc
import Synchronization

/// The logs that this process has open for writing. LMDB must not have a file open twice in one process, so an inspector in
/// the same process looks through the log's own handles.
enum OpenLogs {
  struct Entry: Sendable {
    weak let core: LogCore?
    let catalog: Catalog
  }

  private static let entries = Mutex<[String: Entry]>([:])

  static func add(_ directory: String, core: LogCore, catalog: Catalog) {
    let key = canonical(directory)
    entries.withLock { $0[key] = Entry(core: core, catalog: catalog) }
  }

  static func remove(_ directory: String) {
    let key = canonical(directory)
    _ = entries.withLock { $0.removeValue(forKey: key) }
  }

  static func find(_ directory: String) -> (core: LogCore, catalog: Catalog)? {
    let key = canonical(directory)
    return entries.withLock { $0[key] }.flatMap { entry in entry.core.map { ($0, entry.catalog) } }
  }

  private static func canonical(_ directory: String) -> String {
    guard let resolved = realpath(directory, nil) else { return directory }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
