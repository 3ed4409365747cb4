import Codec
import Foundation
import Model
import Synchronization

@testable import WAL

/// A directory that is gone when the test is.
final class LogScratch: Sendable {
  let path: String

  init(_ name: String = "log") {
    path = NSTemporaryDirectory() + "clymene-\(name)-\(UUID().uuidString)"
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func configuration(
    maxSizeBytes: Int = 256 << 20, segmentBytes: Int? = nil, whenFull: LogConfiguration.WhenFull = .dropOldest,
    commitInterval: Duration = .milliseconds(20), clock: LogClock = .system
  ) -> LogConfiguration {
    LogConfiguration(
      directory: path, maxSizeBytes: maxSizeBytes, whenFull: whenFull, commitInterval: commitInterval,
      segmentBytes: segmentBytes, clock: clock)
  }

  func open(_ configuration: LogConfiguration? = nil) throws -> WriteAheadLog {
    try WriteAheadLog.open(configuration ?? self.configuration())
  }

  /// Names of the segment files, oldest first.
  var segmentFiles: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path + "/segments")) ?? [])
      .filter { $0.hasSuffix(".lmdb") }.sorted()
  }

  func flipByte(_ file: String, at offset: Int) throws {
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path + "/" + file))
    try handle.seek(toOffset: UInt64(offset))
    let byte = try handle.read(upToCount: 1)?.first ?? 0
    try handle.seek(toOffset: UInt64(offset))
    try handle.write(contentsOf: [byte ^ 0x5a])
    try handle.close()
  }

  func tearTrees(_ file: String) throws { try Damage.tearTrees(path + "/" + file) }
}

/// Ways to break a file.
enum Damage {
  /// Breaks LMDB's own pages, and no block on pages of its own: nothing in the file can be found by a tree any more.
  static func tearTrees(_ path: String) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for page in 0..<(bytes.count / 4096) {
      let start = page * 4096
      let number = bytes[start..<(start + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      // Branch, leaf, meta.
      if number == UInt64(page), bytes[start + 10] & 0x0b != 0 { bytes[start + 10] ^= 0x5a }
    }
    try bytes.write(to: URL(fileURLWithPath: path))
  }
}

/// Rows that say who they are: a log line or a scraped value holds its number.
enum Rows {
  static func table(_ name: String = "app", streams: Int = 1) throws -> SeriesTable {
    try SeriesTable(
      encoding: (0..<streams).map { Series(Labels([Label("job", name), Label("n", "\($0)")])) }, signal: .logs)
  }

  /// Log lines `numbers`, `padding` bytes each behind the number.
  static func lines(
    _ numbers: Range<Int>, padding: Int = 0, tenant: Tenant = .default, table: SeriesTable? = nil
  ) throws -> RowBatch {
    let table = try table ?? Rows.table()
    let noise = FileHandle(forReadingAtPath: "/dev/urandom")
    let entries = try numbers.map { number in
      // Random, so that compression does not undo the padding.
      let rest = padding == 0 ? [] : [UInt8]((try noise?.read(upToCount: padding)) ?? Data())
      return LogRows.Entry(
        stream: 0,
        entry: LogEntry(timestamp: UnixNanoseconds(Int64(number) * 1_000_000), line: Array("\(number) ".utf8) + rest))
    }
    return RowBatch(tenant: tenant, logs: [LogRows(source: 7, tables: [table], entries: entries)])
  }

  static func scrape(_ number: Int, table: SeriesTable, tenant: Tenant = .default) -> RowBatch {
    RowBatch(
      tenant: tenant,
      metrics: [
        .scrape(
          ScrapeRow(
            source: 1, tables: [table], timestamp: UnixMilliseconds(Int64(number)),
            values: (0..<table.seriesCount).map { Double(number * 1000 + $0) }))
      ])
  }

  /// The numbers of the log lines in blocks, in order.
  static func numbers(_ blocks: [StoredBlock]) throws -> [Int] {
    let opener = try BlockOpener()
    return try blocks.flatMap { stored in
      try opener.open(stored.block).groups.flatMap { group -> [Int] in
        guard case .logs(let logs) = group else { return [] }
        return (0..<logs.count).map { index in
          Int(String(decoding: logs.line(index).prefix { $0 != 0x20 }, as: UTF8.self)) ?? -1
        }
      }
    }
  }
}

extension Cursor {
  /// Everything up to now, acknowledged as it comes.
  func drain(until end: UInt64) async throws -> [StoredBlock] {
    var blocks: [StoredBlock] = []
    while position < end {
      for block in try await next() {
        blocks.append(block)
        acknowledge(block.offsets)
      }
    }
    return blocks
  }
}

extension AppendOutcome {
  var offsets: Range<UInt64>? { if case .durable(let offsets) = self { offsets } else { nil } }
}

/// A clock that only the test moves.
final class TestClock: Sendable {
  private let state = Mutex((boot: Int64(1_000_000), name: "boot-1", wall: Int64(1_700_000_000_000)))

  /// Time passes.
  func pass(_ duration: Duration) {
    let milliseconds = Int64(duration.components.seconds) * 1000
    state.withLock {
      $0.boot += milliseconds
      $0.wall += milliseconds
    }
  }

  /// The wall clock jumps; no time passes.
  func jump(_ duration: Duration) { state.withLock { $0.wall += Int64(duration.components.seconds) * 1000 } }

  /// The machine starts again.
  func reboot() {
    state.withLock {
      $0.boot = 0
      $0.name += "'"
    }
  }

  var clock: LogClock {
    LogClock(
      sinceBoot: { self.state.withLock { $0.boot } }, bootName: { self.state.withLock { $0.name } },
      wall: { UnixMilliseconds(self.state.withLock { $0.wall }) })
  }
}
