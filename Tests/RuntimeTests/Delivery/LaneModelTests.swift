import Codec
import Foundation
import HTTP
import Logging
import Model
import Synchronization
import Testing

@testable import Runtime
@testable import WAL

/// A destination with Prometheus' manners that answers at random: it takes a request as a whole or not at all, keeps each series in order of time,
/// and now and then takes a request and loses the answer.
private final class RandomDestination: Forwarder {
  struct Cell: Hashable {
    let source: UInt64
    let series: Int
  }

  struct State {
    var generator: SeededGenerator
    var newest: [Cell: Int64] = [:]
    /// How often each sample was taken: by cell and time.
    var samples: [Cell: [Int64: Int]] = [:]
    var requests = 0
    var answersLost = 0
    var outOfOrder = 0
    /// Requests of one shard at the same time.
    var busy: Set<Int> = []
    var overlaps = 0
  }

  let state: Mutex<State>
  let shards: Int
  /// Series that it never takes.
  private let refused: @Sendable (Cell) -> Bool

  init(seed: UInt64, shards: Int, refused: @escaping @Sendable (Cell) -> Bool) {
    state = Mutex(State(generator: SeededGenerator(seed: seed)))
    self.shards = shards
    self.refused = refused
  }

  func deliver(_ delivery: Delivery) async -> Answer {
    let shardIndexes = delivery.shard.map { [$0.index] } ?? Array(0..<shards)
    let pause = state.withLock { state in
      if shardIndexes.contains(where: state.busy.contains) { state.overlaps += 1 }
      state.busy.formUnion(shardIndexes)
      return UInt64.random(in: 0..<400, using: &state.generator)
    }
    try? await Task.sleep(for: .microseconds(pause))
    guard let found = try? rows(of: delivery, withTimes: true) else { return Answer(.refused(reason: "unreadable")) }
    return state.withLock { state in
      defer { state.busy.subtract(shardIndexes) }
      return state.judge(found, refused)
    }
  }
}

extension RandomDestination.State {
  fileprivate mutating func judge(
    _ rows: [TimedRow], _ refused: (RandomDestination.Cell) -> Bool
  ) -> Answer {
    requests += 1
    let dice = Int.random(in: 0..<100, using: &generator)
    switch dice {
    case 0..<8: return Answer(.retry(reason: "503", after: .milliseconds(dice)))
    case 8..<10: return Answer(.misconfigured(reason: "401"))
    default: break
    }
    let cells = rows.flatMap { row in
      row.series.map { (cell: RandomDestination.Cell(source: row.source, series: $0), time: row.time) }
    }
    if cells.count > 600 { return Answer(.tooLarge(reason: "413")) }
    if cells.contains(where: { refused($0.cell) }) { return Answer(.refused(reason: "400 bad label")) }
    var times = newest
    for (cell, time) in cells {
      if time < times[cell] ?? .min {
        // A sample that it has, or had before: nothing of the request is taken.
        if samples[cell]?[time] == nil { outOfOrder += 1 }
        return Answer(.conflict(reason: "out of order"))
      }
      times[cell] = time
    }
    newest = times
    for (cell, time) in cells { samples[cell, default: [:]][time, default: 0] += 1 }
    if dice < 16 {
      answersLost += 1
      return Answer(.retry(reason: "the answer was lost", after: nil), sentBytes: 100, mayHaveArrived: true)
    }
    return Answer(.delivered, sentBytes: cells.count * 16)
  }
}

struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

struct TimedRow {
  let source: UInt64
  let time: Int64
  let series: [Int]
}

private func rows(of delivery: Delivery, withTimes: Bool) throws -> [TimedRow] {
  let opener = try BlockOpener()
  // In the order of the blocks, as an encoder goes through them.
  return try delivery.blocks.flatMap { tabled in
    try opener.open(tabled.block).groups.flatMap { group -> [TimedRow] in
      guard case .matrix(let matrix) = group, delivery.shard?.holds(source: matrix.head.source) ?? true else {
        return []
      }
      return matrix.timestamps.enumerated().map { row, time in
        TimedRow(
          source: matrix.head.source, time: time, series: (0..<matrix.seriesCount).filter { matrix.isPresent($0, row) })
      }
    }
  }
}

/// Lives of a program: rows come in, a lane delivers them to a destination that answers at random, and each life ends at a random moment, in order
/// or as with kill -9. In the end every sample is at the destination, or, if that refuses it for good, in the dead letters.
@Suite("A lane whose destination and program die at random")
struct LaneModelTests {
  private static let sources: [UInt64] = Array(1...12).map { $0 &* 0x1234_5678_9abc_def1 }
  private static let seriesCount = 9

  @Test("loses no sample and keeps every series in order", arguments: 1...24)
  func losesNothing(seed: UInt64) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lane-model-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var generator = SeededGenerator(seed: seed &* 7919)
    let bad = Self.sources[3]
    let destination = RandomDestination(seed: seed, shards: [1, 3, 4][Int(seed % 3)]) {
      $0.source == bad && $0.series == 5
    }
    let names = (0..<Self.seriesCount).map { Series(Labels([Label("__name__", "m"), Label("n", "\($0)")])) }
    let table = try SeriesTable(encoding: names)
    var limits = LaneLimits()
    limits.batchEntries = 400
    limits.wholeBatchEntries = 60
    limits.lookInterval = .milliseconds(20)
    limits.drainAtStop = .milliseconds(200)

    var offered: [Int64] = []
    var time: Int64 = 1_000_000
    let lives = 14
    for life in 0..<lives {
      let isLast = life == lives - 1
      let log = try WriteAheadLog.open(
        LogConfiguration(
          directory: folder.path, maxSizeBytes: 64 << 20, maxAge: nil, commitInterval: .milliseconds(5)))
      let cursor = try await log.cursor(named: "model")
      let lane = Lane(
        name: "model", source: CursorSource(cursor: cursor), forwarder: destination,
        deadLetters: LogDeadLetters(log.deadLetters, consumer: "model", hiding: SecretTexts()), limits: limits,
        logger: .silent,
        sleep: { try await Task.sleep(for: min($0, .milliseconds(2))) })
      let running = Task { await lane.run() }
      for _ in 0..<Int.random(in: 1..<12, using: &generator) {
        time += 1000
        offered.append(time)
        let rows = Self.sources.map { source in
          MetricRow.scrape(
            ScrapeRow(
              source: source, tables: [table], timestamp: UnixMilliseconds(time),
              values: (0..<Self.seriesCount).map { Double($0) }))
        }
        _ = try await log.append(RowBatch(metrics: rows))
        try await Task.sleep(for: .milliseconds(Int.random(in: 0..<8, using: &generator)))
      }
      if isLast {
        #expect(await eventually { cursor.isDrained() })
        lane.stop()
        await running.value
        try await log.close()
      } else if Bool.random(using: &generator) {
        lane.stop()
        await running.value
        try await log.close()
      } else {
        // The lane is left in the middle of whatever it does; what it acknowledges from here on is not noted.
        await log.abandon()
        running.cancel()
        await running.value
      }
      if isLast {
        try await check(destination, offered, bad, deadLettersOf: folder.path)
      }
    }
  }

  private func check(
    _ destination: RandomDestination, _ offered: [Int64], _ bad: UInt64, deadLettersOf folder: String
  ) async throws {
    let state = destination.state.withLock { $0 }
    let log = try WriteAheadLog.open(LogConfiguration(directory: folder))
    var dead: [RandomDestination.Cell: Set<Int64>] = [:]
    for item in try await log.deadLetters.items() {
      let letter = try #require(try await log.deadLetters.read(item))
      for row in try rows(of: Delivery(blocks: letter.tabled, generation: 0), withTimes: true) {
        for series in row.series { dead[.init(source: row.source, series: series), default: []].insert(row.time) }
      }
    }
    try await log.close()
    var missing = 0
    var needless = 0
    for source in Self.sources {
      for series in 0..<Self.seriesCount {
        let cell = RandomDestination.Cell(source: source, series: series)
        let isRefused = source == bad && series == 5
        for time in offered {
          let isThere = state.samples[cell]?[time] != nil
          let isDead = dead[cell]?.contains(time) ?? false
          if !isThere, !isDead { missing += 1 }
          if isRefused { #expect(!isThere && isDead) }
          if isDead, !isRefused { needless += 1 }
        }
      }
    }
    #expect(missing == 0)
    #expect(needless == 0)
    #expect(state.outOfOrder == 0)
    #expect(state.overlaps == 0)
    #expect(state.answersLost > 0)
  }
}
