import CLMDB

/// A transaction inside its environment's closure: aborted when it ends uncommitted. One thread at a time.
struct Transaction: ~Copyable {
  private let raw: OpaquePointer

  init(_ environment: OpaquePointer, readOnly: Bool) throws(LogError) {
    var made: OpaquePointer?
    try lmdb(mdb_txn_begin(environment, nil, readOnly ? UInt32(MDB_RDONLY) : 0, &made), "mdb_txn_begin")
    guard let made else { throw LogError(.storage(code: 12), "mdb_txn_begin gave nothing") }
    raw = made
  }

  deinit { mdb_txn_abort(raw) }

  consuming func commit() throws(LogError) {
    let raw = raw
    // The commit frees the transaction even when it fails.
    discard self
    try lmdb(mdb_txn_commit(raw), "mdb_txn_commit")
  }

  func database(_ name: String, integerKeys: Bool, create: Bool) throws(LogError) -> Database? {
    var id = MDB_dbi()
    let flags = (integerKeys ? MDB_INTEGERKEY : 0) | (create ? MDB_CREATE : 0)
    let code = mdb_dbi_open(raw, name, UInt32(flags), &id)
    if code == MDB_NOTFOUND { return nil }
    try lmdb(code, "mdb_dbi_open")
    return Database(id: id)
  }

  /// How many entries the database has.
  func count(_ database: Database) throws(LogError) -> Int {
    var stat = MDB_stat()
    try lmdb(mdb_stat(raw, database.id, &stat), "mdb_stat")
    return stat.ms_entries
  }

  // MARK: - Reading

  /// Hands the value, or nil, to `body`; the span ends with the call.
  func get<R>(
    _ database: Database, _ key: [UInt8], _ body: (RawSpan?) throws(LogError) -> R
  ) throws(LogError) -> R {
    var value = MDB_val()
    // LMDB does not write through a key, it only takes it by a mutable pointer.
    let code = key.withUnsafeBytes { bytes in
      var key = MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      return mdb_get(raw, database.id, &key, &value)
    }
    if code == MDB_NOTFOUND { return try body(nil) }
    try lmdb(code, "mdb_get")
    return try body(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size).bytes)
  }

  /// A copy of the value, or nil.
  func bytes(_ database: Database, _ key: [UInt8]) throws(LogError) -> [UInt8]? {
    try get(database, key) { span throws(LogError) in span?.copied() }
  }

  /// Hands every entry to `body`, in the order of the keys, until it says false.
  func forEach(
    _ database: Database, _ body: (RawSpan, RawSpan) throws(LogError) -> Bool
  ) throws(LogError) {
    try walk(database, from: nil, body)
  }

  /// As `forEach`, from the entry with the greatest key that is not above `key`; from the first when all are above.
  func forEach(
    _ database: Database, fromFloorOf key: UInt64, _ body: (UInt64, RawSpan) throws(LogError) -> Bool
  ) throws(LogError) {
    try walk(database, from: key) { (keySpan: RawSpan, value: RawSpan) throws(LogError) -> Bool in
      guard keySpan.byteCount == 8 else {
        throw LogError(.damaged, "a key of \(keySpan.byteCount) bytes where 8 are due")
      }
      return try body(keySpan.unsafeLoadUnaligned(as: UInt64.self), value)
    }
  }

  private func walk(
    _ database: Database, from floor: UInt64?, _ body: (RawSpan, RawSpan) throws(LogError) -> Bool
  ) throws(LogError) {
    var opened: OpaquePointer?
    try lmdb(mdb_cursor_open(raw, database.id, &opened), "mdb_cursor_open")
    defer { mdb_cursor_close(opened) }
    var key = MDB_val()
    var value = MDB_val()
    var code: Int32
    if let floor {
      code = withUnsafeBytes(of: floor) { bytes in
        key = MDB_val(mv_size: 8, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        return mdb_cursor_get(opened, &key, &value, MDB_SET_RANGE)
      }
      if code == MDB_NOTFOUND {
        code = mdb_cursor_get(opened, &key, &value, MDB_LAST)
      } else if code == 0, key.mv_size == 8, let data = key.mv_data, data.loadUnaligned(as: UInt64.self) != floor {
        code = mdb_cursor_get(opened, &key, &value, MDB_PREV)
        if code == MDB_NOTFOUND { code = mdb_cursor_get(opened, &key, &value, MDB_FIRST) }
      }
    } else {
      code = mdb_cursor_get(opened, &key, &value, MDB_FIRST)
    }
    while code == 0 {
      let goOn = try body(
        UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size).bytes,
        UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size).bytes)
      guard goOn else { return }
      code = mdb_cursor_get(opened, &key, &value, MDB_NEXT)
    }
    if code != MDB_NOTFOUND { try lmdb(code, "mdb_cursor_get") }
  }

  // MARK: - Writing

  func put(_ database: Database, _ key: [UInt8], _ value: [UInt8]) throws(LogError) {
    let code = key.withUnsafeBytes { keyBytes in
      value.withUnsafeBytes { valueBytes in
        var key = MDB_val(mv_size: keyBytes.count, mv_data: UnsafeMutableRawPointer(mutating: keyBytes.baseAddress))
        var value = MDB_val(
          mv_size: valueBytes.count, mv_data: UnsafeMutableRawPointer(mutating: valueBytes.baseAddress))
        return mdb_put(raw, database.id, &key, &value, 0)
      }
    }
    try lmdb(code, "mdb_put")
  }

  /// Adds an entry behind all others: two pieces become one value, copied once, into the page itself.
  func append(_ database: Database, _ key: UInt64, _ first: [UInt8], _ second: [UInt8]) throws(LogError) {
    var value = MDB_val(mv_size: first.count + second.count, mv_data: nil)
    let code = withUnsafeBytes(of: key) { bytes in
      var key = MDB_val(mv_size: 8, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      return mdb_put(raw, database.id, &key, &value, UInt32(MDB_APPEND | MDB_RESERVE))
    }
    try lmdb(code, "mdb_put")
    let room = UnsafeMutableRawBufferPointer(start: value.mv_data, count: value.mv_size)
    room.copyBytes(from: first)
    UnsafeMutableRawBufferPointer(rebasing: room[first.count...]).copyBytes(from: second)
  }

  /// Whether there was one.
  @discardableResult
  func delete(_ database: Database, _ key: [UInt8]) throws(LogError) -> Bool {
    let code = key.withUnsafeBytes { bytes in
      var key = MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      return mdb_del(raw, database.id, &key, nil)
    }
    if code == MDB_NOTFOUND { return false }
    try lmdb(code, "mdb_del")
    return true
  }

  /// Empties the database.
  func clear(_ database: Database) throws(LogError) { try lmdb(mdb_drop(raw, database.id, 0), "mdb_drop") }
}

extension RawSpan {
  func copied() -> [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  func copied(_ range: Range<Int>) -> [UInt8] { extracting(range).withUnsafeBytes { [UInt8]($0) } }

  /// Lets the kernel forget that this process has the pages at hand (they stay in its cache), so that a long drain does not
  /// count as this process's memory. Only for spans of a read-only map.
  func giveBackPages() {
    withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      MappedPages.giveBack(start, bytes.count)
    }
  }
}
