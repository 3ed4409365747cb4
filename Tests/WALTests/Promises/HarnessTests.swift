import CLMDB
import Foundation
import Testing

@testable import WAL

extension WALPromises {
  /// The tests of the log's promises. What they record and simulate is first tried on LMDB alone, where the outcome is known: with
  /// every flush nothing breaks, and without flushes the harness has to notice.
  @Suite("the harness, on LMDB alone")
  struct Harness {
    /// Runs the child under the recorder.
    func trace(_ scratch: Scratch, seed: UInt64, mode: String) throws -> WriteTrace {
      let root = scratch.file("recorded-" + mode)
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      let child = try Child(
        ["lmdb", root + "/s.lmdb", "\(seed)", "80", mode],
        environment: ["CLM_ROOT": root, "CLM_TRACE": scratch.file("trace-" + mode)])
      #expect(child.finish() == .exit(0))
      #expect(child.lines.count == 80)
      return try WriteTrace(readingFrom: scratch.file("trace-" + mode))
    }

    /// Whether everything acknowledged is there and whole, nothing is there in part, and the position is that of the last value.
    func promiseHolds(_ path: String, acknowledged: UInt64) throws -> Bool {
      guard FileManager.default.fileExists(atPath: path) else { return acknowledged == 0 }
      guard case .sound = try TreeWalk.walk(path) else { return acknowledged == 0 }
      var made: OpaquePointer?
      try lmdb(mdb_env_create(&made))
      let environment = try #require(made)
      defer { mdb_env_close(environment) }
      try lmdb(mdb_env_set_maxdbs(environment, 4))
      try lmdb(mdb_env_open(environment, path, UInt32(MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY), 0))
      var begun: OpaquePointer?
      try lmdb(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &begun))
      let txn = try #require(begun)
      defer { mdb_txn_abort(txn) }
      var (blocks, positions) = (MDB_dbi(), MDB_dbi())
      guard mdb_dbi_open(txn, "blocks", 0, &blocks) == 0 else { return acknowledged == 0 }
      try lmdb(mdb_dbi_open(txn, "positions", 0, &positions))
      var opened: OpaquePointer?
      try lmdb(mdb_cursor_open(txn, blocks, &opened))
      let cursor = try #require(opened)
      defer { mdb_cursor_close(cursor) }
      var (key, value) = (MDB_val(), MDB_val())
      var expected: UInt64 = 0
      while mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 {
        expected += 1
        let bytes = UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
        guard key.mv_data.loadUnaligned(as: UInt64.self) == expected,
          bytes.allSatisfy({ $0 == UInt8(truncatingIfNeeded: expected) })
        else { return false }
      }
      var zero: UInt64 = 0
      let position = try withUnsafeMutableBytes(of: &zero) { k in
        var mk = MDB_val(mv_size: 8, mv_data: k.baseAddress)
        try lmdb(mdb_get(txn, positions, &mk, &value))
        return value.mv_data.loadUnaligned(as: UInt64.self)
      }
      return expected >= acknowledged && position == expected
    }

    /// How many of `count` images break a promise.
    func broken(_ trace: WriteTrace, scratch: Scratch, count: Int, random: inout Seeded) throws -> Int {
      var broken = 0
      for i in 0..<count {
        let cut = Int.random(in: 0...trace.steps.count, using: &random)
        let power = PowerCut(
          trace: trace, cut: cut, unit: i % 2 == 0 ? 4096 : 512, share: [0, 0.2, 0.5, 0.8, 1][i % 5])
        let directory = scratch.file("image")
        try? FileManager.default.removeItem(atPath: directory)
        try power.write(to: directory, using: &random)
        let acknowledged = trace.marks(before: cut).last.flatMap { UInt64($0.dropFirst(2)) } ?? 0
        if try !promiseHolds(directory + "/s.lmdb", acknowledged: acknowledged) { broken += 1 }
      }
      return broken
    }

    @Test("power cuts break nothing when LMDB flushes, and a lot when it does not")
    func powerCuts() throws {
      let seed = WALPromises.seed("harness")
      var random = Seeded(seed)
      let scratch = try Scratch()
      #expect(try broken(trace(scratch, seed: seed, mode: "sync"), scratch: scratch, count: 60, random: &random) == 0)
      #expect(try broken(trace(scratch, seed: seed, mode: "nosync"), scratch: scratch, count: 60, random: &random) > 20)
    }

    @Test("the recorded writes make up the file that is there")
    func complete() throws {
      let scratch = try Scratch()
      var random = Seeded(1)
      let trace = try trace(scratch, seed: 3, mode: "sync")
      let all = PowerCut(trace: trace, cut: trace.steps.count, unit: 4096, share: 1).image(using: &random)
      #expect(all.files.keys.sorted() == ["s.lmdb"])
      #expect(try all.files["s.lmdb"] == scratch.read("recorded-sync/s.lmdb"))
    }

    @Test("a child can be killed at any of its writes, and be short of disk")
    func killAndQuota() throws {
      let scratch = try Scratch()
      let root = scratch.path
      let killed = try Child(
        ["lmdb", root + "/k.lmdb", "3", "80", "sync"], environment: ["CLM_ROOT": root, "CLM_KILL_AT": "100"])
      #expect(killed.finish() == .signal(SIGKILL))
      #expect(killed.lines.count > 5 && killed.lines.count < 80)
      let short = try Child(
        ["lmdb", root + "/q.lmdb", "3", "80", "sync"], environment: ["CLM_ROOT": root, "CLM_QUOTA_BYTES": "400000"])
      #expect(short.finish() == .exit(1))
      // The killed child's file counts too. 28 is ENOSPC.
      #expect(short.lines.last == "error LMDBFailure(code: 28)")
    }
  }
}
