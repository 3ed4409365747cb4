import CLMDB
import Foundation
import Model
import Testing

@testable import Codec
@testable import WAL

/// Reproducible random numbers (SplitMix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// A directory that goes with the test.
final class Scratch {
  let path: String

  init(below directory: String = NSTemporaryDirectory()) throws {
    path = directory + "clymene-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
  func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name)))) }
}

struct LMDBFailure: Error { let code: Int32 }

func lmdb(_ code: Int32) throws { if code != 0 { throw LMDBFailure(code: code) } }

/// LMDB as it is, laid out as a segment, for tests of what looks at files from outside.
enum PlainEnvironment {
  /// One transaction each.
  static func write(_ path: String, _ transactions: [(OpaquePointer) throws -> Void]) throws {
    var made: OpaquePointer?
    try lmdb(mdb_env_create(&made))
    let environment = try #require(made)
    defer { mdb_env_close(environment) }
    try lmdb(mdb_env_set_mapsize(environment, 1 << 28))
    try lmdb(mdb_env_set_maxdbs(environment, 8))
    try lmdb(mdb_env_open(environment, path, UInt32(MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC), 0o600))
    for transaction in transactions {
      var begun: OpaquePointer?
      try lmdb(mdb_txn_begin(environment, nil, 0, &begun))
      let txn = try #require(begun)
      do {
        try transaction(txn)
      } catch {
        mdb_txn_abort(txn)
        throw error
      }
      try lmdb(mdb_txn_commit(txn))
    }
    try lmdb(mdb_env_sync(environment, 1))
  }

  static func put(_ txn: OpaquePointer, _ database: String, _ key: [UInt8], _ value: [UInt8], integer: Bool = false)
    throws
  {
    var dbi = MDB_dbi()
    try lmdb(mdb_dbi_open(txn, database, UInt32(MDB_CREATE | (integer ? MDB_INTEGERKEY : 0)), &dbi))
    var (key, value) = (key, value)
    try key.withUnsafeMutableBytes { k in
      try value.withUnsafeMutableBytes { v in
        var mk = MDB_val(mv_size: k.count, mv_data: k.baseAddress)
        var mv = MDB_val(mv_size: v.count, mv_data: v.baseAddress)
        try lmdb(mdb_put(txn, dbi, &mk, &mv, 0))
      }
    }
  }

  static func delete(_ txn: OpaquePointer, _ database: String, _ key: [UInt8]) throws {
    var dbi = MDB_dbi()
    try lmdb(mdb_dbi_open(txn, database, 0, &dbi))
    var key = key
    try key.withUnsafeMutableBytes { k in
      var mk = MDB_val(mv_size: k.count, mv_data: k.baseAddress)
      let code = mdb_del(txn, dbi, &mk, nil)
      if code != MDB_NOTFOUND { try lmdb(code) }
    }
  }

  /// Reads everything with LMDB in this process: what a crash of it would end.
  static func readAll(_ path: String) throws -> UInt64 {
    var made: OpaquePointer?
    try lmdb(mdb_env_create(&made))
    let environment = try #require(made)
    defer { mdb_env_close(environment) }
    try lmdb(mdb_env_set_maxdbs(environment, 8))
    try lmdb(mdb_env_open(environment, path, UInt32(MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY), 0))
    var begun: OpaquePointer?
    try lmdb(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &begun))
    let txn = try #require(begun)
    defer { mdb_txn_abort(txn) }
    var sum: UInt64 = 0
    for name in ["blocks", "tables", "positions"] {
      var dbi = MDB_dbi()
      let code = mdb_dbi_open(txn, name, 0, &dbi)
      if code == MDB_NOTFOUND { continue }
      try lmdb(code)
      var opened: OpaquePointer?
      try lmdb(mdb_cursor_open(txn, dbi, &opened))
      let cursor = try #require(opened)
      defer { mdb_cursor_close(cursor) }
      var (key, value) = (MDB_val(), MDB_val())
      while mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 {
        sum = sum &* 31 &+ Checksum.xxh3(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
      }
    }
    return sum
  }
}

/// Blocks whose headers and checksums are right and whose payloads are noise, as a salvage sees them.
enum NoiseBlock {
  static func make(
    origin: Origin, sequences: ClosedRange<UInt64>, payload: [UInt8], tables: [TableName] = []
  ) -> SealedBlock {
    let header = BlockHeader(
      signal: .metrics, origin: origin, sequences: sequences, entryCount: 1, times: 0...1, payloadBytes: payload.count,
      compressedBytes: payload.count, payloadChecksum: Checksum.xxh3(payload.span.bytes), tenant: .default,
      tables: tables)
    return SealedBlock(header: header, bytes: header.encoded() + payload)
  }

  /// A real table; `bytes` of noise make it as large.
  static func table(bytes: Int, using random: inout Seeded) throws -> SeriesTable {
    let noise = random.bytes(bytes).map { String($0, radix: 36) }.joined()
    return try SeriesTable(encoding: [Series(Labels([Label("__name__", "up"), Label("noise", noise)]))])
  }

  static func littleEndian(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// A segment's worth of noise: what went in, so that a salvage can be compared with it.
struct NoiseSegment {
  var blocks: [(offsets: Range<UInt64>, block: SealedBlock)] = []
  var tables: [TableName: [UInt8]] = [:]

  /// Writes `count` blocks of `sizes` payload bytes, one transaction each, with a table in every third and a position in each.
  init(_ path: String, first: UInt64, count: Int, sizes: ClosedRange<Int>, using random: inout Seeded) throws {
    let origin = Origin.random(using: &random)
    var (offset, sequence) = (first, UInt64(1))
    var transactions: [(OpaquePointer) throws -> Void] = []
    for i in 0..<count {
      let rows = UInt64.random(in: 1...9, using: &random)
      let small = Bool.random(using: &random)
      let size = small ? Int.random(in: 1...600, using: &random) : Int.random(in: sizes, using: &random)
      var table: SeriesTable?
      if i % 3 == 0 {
        let made = try NoiseBlock.table(bytes: Int.random(in: 1...9000, using: &random), using: &random)
        tables[made.name] = made.bytes
        table = made
      }
      let block = NoiseBlock.make(
        origin: origin, sequences: sequence...(sequence + rows - 1), payload: random.bytes(size),
        tables: table.map { [$0.name] } ?? [])
      blocks.append((offset..<(offset + rows), block))
      let key = offset
      transactions.append { txn in
        try PlainEnvironment.put(
          txn, "blocks", NoiseBlock.littleEndian(key), RecordHead(offset: key).encoded + block.bytes, integer: true)
        if let table { try PlainEnvironment.put(txn, "tables", table.name.bytes, table.bytes) }
        try PlainEnvironment.put(txn, "positions", Array("file:/var/log/a".utf8), NoiseBlock.littleEndian(key))
      }
      offset += rows
      sequence += rows
    }
    try PlainEnvironment.write(path, transactions)
  }
}
