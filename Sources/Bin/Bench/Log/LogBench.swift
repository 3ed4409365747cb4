import CLMDB
import Codec
import Foundation
import Glibc
import Model
import WAL

/// `bench-wal [receive | origins] [directory]`: without a word, how fast the log commits, beside what bare LMDB gives on the same disk, and how fast a log with 1,600 segments
/// opens. Release builds only; the directory (default: the working directory) says which disk is measured.
@main struct LogBench {
  static func main() async throws {
    var arguments = CommandLine.arguments.dropFirst()
    let mode = arguments.first.flatMap { ["receive", "origins"].contains($0) ? $0 : nil }
    if mode != nil { arguments = arguments.dropFirst() }
    let parent = arguments.first ?? FileManager.default.currentDirectoryPath
    let directory = parent + "/bench-wal-\(getpid())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    switch mode {
    case "receive": try await ReceiveBench.run(directory)
    case "origins": try await OriginsBench.run(directory)
    default:
      try await committing(directory)
      try await opening(directory)
    }
  }

  // MARK: - Committing

  private static func committing(_ directory: String) async throws {
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "bench")]))], signal: .logs)
    print("blocks of 512 KiB, each commit a full sync, three rounds side by side")
    print("what                          commits/s     MB/s   CPU ms a commit")
    for round in 1...3 {
      let blocks = try blocks(256, table: table)
      try report("bare LMDB, one file, round \(round)", blocks.count, bytes: blocks.reduce(0) { $0 + $1.bytes.count }) {
        try bare(blocks, path: "\(directory)/bare-\(round).lmdb")
      }
      let log = try WriteAheadLog.open(LogConfiguration(directory: "\(directory)/log-\(round)"))
      try await reportAsync("log, blocks as they came, round \(round)", blocks) { block in
        guard case .stored = try await log.append(received: [block], tables: [table]).first else {
          throw BenchError(what: "a block was not stored")
        }
      }
      try await log.close()
      try await draining("\(directory)/log-\(round)", round: round)
      try FileManager.default.removeItem(atPath: "\(directory)/log-\(round)")
      try FileManager.default.removeItem(atPath: "\(directory)/bare-\(round).lmdb")
    }
    let log = try WriteAheadLog.open(LogConfiguration(directory: "\(directory)/log-rows"))
    let batches = (0..<200).map { batch($0, table: table) }
    try await reportAsync(
      "log, numbered and sealed here", batches, { $0.approximateBytes }, { _ = try await log.append($0) })
    try await log.close()
    try FileManager.default.removeItem(atPath: "\(directory)/log-rows")
  }

  /// What a lane that is behind gets: sealed segments verified, blocks copied out and checked, everything acknowledged.
  private static func draining(_ path: String, round: Int) async throws {
    let log = try WriteAheadLog.open(LogConfiguration(directory: path))
    let cursor = try await log.cursor(named: "bench", start: .oldest)
    let end = log.status().endOffset
    let cpu = cpuSeconds()
    let start = ContinuousClock.now
    var bytes = 0
    var blocks = 0
    while cursor.position < end {
      for stored in try await cursor.next() {
        bytes += stored.block.bytes.count
        blocks += 1
        cursor.acknowledge(stored.offsets)
      }
    }
    line("a lane draining it, round \(round)", blocks, bytes, ContinuousClock.now - start, cpuSeconds() - cpu)
    try await log.close()
  }

  /// Lines of random letters, so that what is stored is as large as what came.
  private static func batch(_ number: Int, table: SeriesTable) -> RowBatch {
    var random = SystemRandomNumberGenerator()
    let entries = (0..<512).map { index in
      var line: [UInt8] = []
      line.reserveCapacity(1024)
      for _ in 0..<128 { withUnsafeBytes(of: random.next()) { line.append(contentsOf: $0) } }
      return LogRows.Entry(
        stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(Int64(number * 512 + index)), line: line))
    }
    return RowBatch(logs: [LogRows(source: 1, tables: [table], entries: entries)])
  }

  private static func blocks(_ count: Int, table: SeriesTable) throws -> [SealedBlock] {
    var sealer = try BlockSealer()
    let origin = Origin.random()
    var blocks: [SealedBlock] = []
    for number in 0..<count {
      blocks += try sealer.seal(batch(number, table: table), origin: origin, firstSequence: UInt64(number * 512 + 1))
        .map(\.block)
    }
    return blocks
  }

  /// One file, one block and one small value a commit, nothing else: what LMDB itself costs.
  private static func bare(_ blocks: [SealedBlock], path: String) throws {
    func check(_ code: Int32) throws {
      if code != 0 { throw BenchError(what: String(cString: mdb_strerror(code))) }
    }
    var environment: OpaquePointer?
    try check(mdb_env_create(&environment))
    defer { mdb_env_close(environment) }
    try check(mdb_env_set_mapsize(environment, 4 << 30))
    try check(mdb_env_set_maxdbs(environment, 4))
    try check(mdb_env_open(environment, path, UInt32(MDB_NOSUBDIR | MDB_NOTLS), 0o600))
    var databases: (MDB_dbi, MDB_dbi) = (0, 0)
    for (index, block) in blocks.enumerated() {
      var transaction: OpaquePointer?
      try check(mdb_txn_begin(environment, nil, 0, &transaction))
      if index == 0 {
        try check(mdb_dbi_open(transaction, "blocks", UInt32(MDB_CREATE | MDB_INTEGERKEY), &databases.0))
        try check(mdb_dbi_open(transaction, "positions", UInt32(MDB_CREATE), &databases.1))
      }
      var number = UInt64(index)
      try withUnsafeMutableBytes(of: &number) { bytes in
        var key = MDB_val(mv_size: 8, mv_data: bytes.baseAddress)
        try block.bytes.withUnsafeBytes { content in
          var value = MDB_val(mv_size: content.count, mv_data: UnsafeMutableRawPointer(mutating: content.baseAddress))
          try check(mdb_put(transaction, databases.0, &key, &value, UInt32(MDB_APPEND)))
        }
        var position = MDB_val(mv_size: 8, mv_data: bytes.baseAddress)
        var name = MDB_val(mv_size: 1, mv_data: bytes.baseAddress)
        try check(mdb_put(transaction, databases.1, &name, &position, 0))
      }
      try check(mdb_txn_commit(transaction))
    }
  }

  private static func report(_ what: String, _ commits: Int, bytes: Int, _ body: () throws -> Void) throws {
    let cpu = cpuSeconds()
    let start = ContinuousClock.now
    try body()
    line(what, commits, bytes, ContinuousClock.now - start, cpuSeconds() - cpu)
  }

  private static func reportAsync<Item>(
    _ what: String, _ items: [Item], _ bytes: (Item) -> Int, _ body: (Item) async throws -> Void
  ) async throws {
    let cpu = cpuSeconds()
    let start = ContinuousClock.now
    for item in items { try await body(item) }
    line(what, items.count, items.reduce(0) { $0 + bytes($1) }, ContinuousClock.now - start, cpuSeconds() - cpu)
  }

  private static func reportAsync(
    _ what: String, _ blocks: [SealedBlock], _ body: (SealedBlock) async throws -> Void
  ) async throws {
    try await reportAsync(what, blocks, { $0.bytes.count }, body)
  }

  private static func line(_ what: String, _ commits: Int, _ bytes: Int, _ time: Duration, _ cpu: Double) {
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    print(
      what.padding(toLength: 36, withPad: " ", startingAt: 0)
        + String(
          format: "%6.0f %8.1f %10.3f", Double(commits) / seconds, Double(bytes) / seconds / 1e6,
          cpu * 1000 / Double(commits)))
  }

  // MARK: - Opening

  /// Real segments of a small size, made 64 MiB long with holes.
  private static func opening(_ directory: String) async throws {
    let path = directory + "/many"
    let configuration = LogConfiguration(
      directory: path, maxSizeBytes: 1 << 40, maxAge: nil, commitInterval: .seconds(1), segmentBytes: 64 << 20)
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "bench")]))], signal: .logs)
    let small = RowBatch(
      logs: [
        LogRows(
          source: 1, tables: [table],
          entries: [.init(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(1), line: Array("x".utf8)))])
      ])
    print("\nopening a log with 1,600 segments of 64 MiB (sparse)")
    let log = try WriteAheadLog.open(configuration)
    _ = try await log.cursor(named: "a")
    for _ in 0..<1600 {
      _ = try await log.append(small)
      try await log.roll()
    }
    _ = try await log.append(small)
    try await log.close()
    let segments = try FileManager.default.contentsOfDirectory(atPath: path + "/segments")
      .filter { $0.hasSuffix(".lmdb") }.sorted()
    for segment in segments.dropLast() { truncate("\(path)/segments/\(segment)", 64 << 20) }
    for _ in 1...5 {
      let start = ContinuousClock.now
      let log = try WriteAheadLog.open(configuration)
      let time = ContinuousClock.now - start
      let status = log.status()
      print("opened in \(time): \(status.segments) segments, \(status.rows) rows, \(log.opening.findings)")
      try await log.close()
    }
  }
}

struct BenchError: Error { let what: String }
