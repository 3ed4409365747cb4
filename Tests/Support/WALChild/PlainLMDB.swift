import CLMDB
import Glibc
import WAL

struct LMDBFailure: Error { let code: Int32 }

private func check(_ code: Int32) throws { if code != 0 { throw LMDBFailure(code: code) } }

/// Writes transactions with LMDB alone, `1` to `n`: value `i` has bytes made of `i`, and the last one is also in `positions`.
/// Says `A i` when transaction `i` is durable by LMDB's word. The test of the harness itself.
func plainLMDB(_ arguments: [String]) throws {
  guard arguments.count == 4, let seed = UInt64(arguments[1]), let count = UInt64(arguments[2]) else { throw Usage() }
  var made: OpaquePointer?
  try check(mdb_env_create(&made))
  guard let environment = made else { throw Usage() }
  try check(mdb_env_set_mapsize(environment, 1 << 28))
  try check(mdb_env_set_maxdbs(environment, 4))
  let flags = MDB_NOSUBDIR | MDB_NOLOCK | (arguments[3] == "nosync" ? MDB_NOSYNC : 0)
  try check(mdb_env_open(environment, arguments[0], UInt32(flags), 0o600))
  // LMDB flushes no directory.
  let directory = open(
    String(arguments[0].prefix(upTo: arguments[0].lastIndex(of: "/") ?? arguments[0].endIndex)), O_RDONLY)
  fsync(directory)
  close(directory)
  for i in 1...count {
    var begun: OpaquePointer?
    try check(mdb_txn_begin(environment, nil, 0, &begun))
    guard let txn = begun else { throw Usage() }
    let length = Int((i &* seed &* 7919) % 20000) + 1
    try put(txn, "blocks", key: i, value: [UInt8](repeating: UInt8(truncatingIfNeeded: i), count: length))
    try put(txn, "positions", key: 0, value: withUnsafeBytes(of: i) { Array($0) })
    try check(mdb_txn_commit(txn))
    sayAndMark("A \(i)")
  }
  if arguments[3] == "nosync" { try check(mdb_env_sync(environment, 1)) }
}

private func put(_ txn: OpaquePointer, _ name: String, key: UInt64, value: [UInt8]) throws {
  var dbi = MDB_dbi()
  try check(mdb_dbi_open(txn, name, UInt32(MDB_CREATE | MDB_INTEGERKEY), &dbi))
  var (key, value) = (key, value)
  try withUnsafeMutableBytes(of: &key) { k in
    try value.withUnsafeMutableBytes { v in
      var mk = MDB_val(mv_size: 8, mv_data: k.baseAddress)
      var mv = MDB_val(mv_size: v.count, mv_data: v.baseAddress)
      try check(mdb_put(txn, dbi, &mk, &mv, 0))
    }
  }
}

/// Walks a file's tree as a program would that ignores the end of its children, and says what came of it and what was left open.
func walkIgnoringChildren(_ arguments: [String]) throws {
  guard let path = arguments.first else { throw Usage() }
  signal(SIGCHLD, SIG_IGN)
  let before = openDescriptors()
  for _ in 0..<20 { say("\(try TreeWalk.walk(path, limitSeconds: 5))") }
  say("left open: \(openDescriptors() - before)")
}

private func openDescriptors() -> Int { (0..<256).count { fcntl(Int32($0), F_GETFD) >= 0 } }
