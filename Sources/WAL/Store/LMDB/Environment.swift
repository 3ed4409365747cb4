import CLMDB
import Glibc

/// One open LMDB file, closed when the value ends.
///
/// Never opened twice in one process while its lock file is in use: LMDB's locks are the process's. Source: lmdb.h 0.9.24.
// Sendable because LMDB allows an environment to be used from any thread; a transaction stays inside one closure.
struct Environment: ~Copyable, @unchecked Sendable {
  enum Mode: Sendable {
    /// Read and written by this process; every commit is a full sync.
    case writing
    /// As `writing`, but a power cut may cost the last commits (never the file): for what can be repeated.
    case writingLazily
    /// Read while another process writes, through LMDB's lock file.
    case readingLive
    /// Read only, by a file that nobody writes any more: no lock file is made or needed.
    case readingSealed
  }

  private let raw: OpaquePointer
  let path: String

  /// `mapBytes` is address space, not disk: a file cannot grow past it. For reading, 0 takes what the file says.
  init(path: String, mapBytes: Int, mode: Mode, databases: UInt32 = 8) throws(LogError) {
    switch mode {
    case .writing, .writingLazily: try Environment.prepareLockFile(path + "-lock")
    case .readingLive, .readingSealed: break
    }
    var made: OpaquePointer?
    try lmdb(mdb_env_create(&made), "mdb_env_create")
    guard let made else { throw LogError(.storage(code: ENOMEM), "mdb_env_create gave nothing") }
    let flags: Int32 =
      switch mode {
      case .writing: MDB_NOSUBDIR | MDB_NOTLS
      case .writingLazily: MDB_NOSUBDIR | MDB_NOTLS | MDB_NOMETASYNC
      case .readingLive: MDB_NOSUBDIR | MDB_NOTLS | MDB_RDONLY
      case .readingSealed: MDB_NOSUBDIR | MDB_NOTLS | MDB_RDONLY | MDB_NOLOCK
      }
    var code: Int32 = mapBytes > 0 ? mdb_env_set_mapsize(made, mapBytes) : 0
    if code == 0 { code = mdb_env_set_maxdbs(made, databases) }
    if code == 0 { code = mdb_env_open(made, path, UInt32(flags), 0o600) }
    guard code == 0 else {
      mdb_env_close(made)
      throw LogError.lmdb(code, "mdb_env_open").at(path)
    }
    raw = made
    self.path = path
  }

  deinit { mdb_env_close(raw) }

  /// Gives LMDB's lock file its room on the disk. LMDB maps it and writes through the map: on a full disk that would be a SIGBUS and not
  /// an error.
  private static func prepareLockFile(_ path: String) throws(LogError) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw LogError.system("open", path) }
    defer { close(descriptor) }
    // 126 readers of 64 bytes and the head: what LMDB takes by default.
    let code = posix_fallocate(descriptor, 0, 8192)
    guard code == 0 else { throw LogError.system("posix_fallocate", path, code: code) }
  }

  /// Runs `body` in a write transaction and commits it; an error thrown inside, or by the commit, leaves the file as it was.
  borrowing func write<R>(
    _ body: (borrowing Transaction) throws(LogError) -> R
  ) throws(LogError) -> R {
    do {
      let transaction = try Transaction(raw, readOnly: false)
      let result = try body(transaction)
      try transaction.commit()
      return result
    } catch {
      throw error.at(path)
    }
  }

  /// Runs `body` in a read transaction. What it is handed from the map is gone when it returns.
  borrowing func read<R>(
    _ body: (borrowing Transaction) throws(LogError) -> R
  ) throws(LogError) -> R {
    do {
      let transaction = try Transaction(raw, readOnly: true)
      return try body(transaction)
    } catch {
      throw error.at(path)
    }
  }

  /// Opens named databases so that their handles outlive the transaction; nil for one that is not there (and not `create`d).
  borrowing func databases(
    _ names: [(name: String, integerKeys: Bool)], create: Bool
  ) throws(LogError) -> [Database?] {
    do {
      let transaction = try Transaction(raw, readOnly: !create)
      var opened: [Database?] = []
      for (name, integerKeys) in names {
        opened.append(try transaction.database(name, integerKeys: integerKeys, create: create))
      }
      // A handle from an aborted transaction is closed with it, so even a reading one is committed.
      try transaction.commit()
      return opened
    } catch {
      throw error.at(path)
    }
  }

  /// Puts everything committed on the disk, also in the lazy mode.
  borrowing func flush() throws(LogError) {
    do { try lmdb(mdb_env_sync(raw, 1), "mdb_env_sync") } catch { throw error.at(path) }
  }

  /// Bytes of the file that are in use, free pages inside it among them: its length.
  borrowing func usedBytes() throws(LogError) -> Int {
    var info = MDB_envinfo()
    var stat = MDB_stat()
    try lmdb(mdb_env_info(raw, &info), "mdb_env_info")
    try lmdb(mdb_env_stat(raw, &stat), "mdb_env_stat")
    return (info.me_last_pgno + 1) * Int(stat.ms_psize)
  }

  /// Frees the reader slots of processes that died; gives back how many.
  @discardableResult
  borrowing func clearStaleReaders() -> Int {
    var dead: Int32 = 0
    return mdb_reader_check(raw, &dead) == 0 ? Int(dead) : 0
  }
}

/// A named database of an environment; valid as long as that is open.
struct Database: Sendable { let id: MDB_dbi }

extension LogError {
  static func lmdb(_ code: Int32, _ operation: StaticString) -> LogError {
    LogError(.storage(code: code), "\(operation): \(String(cString: mdb_strerror(code))) (\(code))")
  }

  /// LMDB found the file's structure broken; what else it says is about the system.
  var isLMDBCorruption: Bool {
    guard case .storage(let code) = kind else { return false }
    return [MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH, MDB_BAD_DBI, MDB_INCOMPATIBLE]
      .contains(code)
  }

  /// The segment's map is used up: the segment has to be rolled.
  var isMapFull: Bool { kind == .storage(code: MDB_MAP_FULL) }
}

@inline(__always)
func lmdb(_ code: Int32, _ operation: StaticString) throws(LogError) {
  if code != 0 { throw LogError.lmdb(code, operation) }
}
