import Codec
import Model
import Testing

@testable import Runtime

@Suite("A lane's schedule")
struct LaneScheduleTests {
  private func schedule(shards: Int, whole: Int = 0) -> LaneSchedule {
    var limits = LaneLimits()
    limits.wholeBatchEntries = whole
    return LaneSchedule(shards: shards, limits: limits)
  }

  private func add(_ offset: UInt64, to schedule: inout LaneSchedule, mayBeThere: Bool = false) throws {
    let block = try queued(offset)
    schedule.add([block], sent: [block.block], mayBeThere: mayBeThere)
  }

  @Test func startsOneRequestAShard() throws {
    var schedule = schedule(shards: 3)
    try add(0, to: &schedule)
    let started = (0..<4).map { _ in schedule.start() }
    #expect(started.prefix(3).map { $0?.shard?.index } == [0, 1, 2] && started[3] == nil)
  }

  @Test func dividesAFewLogEntriesWithManyBytes() throws {
    for (bytes, requests) in [(1000, 1), (600_000, 2)] {
      var schedule = schedule(shards: 2, whole: 100)
      let block = try queuedLine(0, bytes: bytes)
      schedule.add([block], sent: [block.block], mayBeThere: false)
      #expect((0..<3).compactMap { _ in schedule.start() }.count == requests)
    }
  }

  @Test func keepsTheOrderWithinAShard() throws {
    var schedule = schedule(shards: 2)
    try add(0, to: &schedule)
    try add(2, to: &schedule)
    let first = schedule.start()
    let second = schedule.start()
    #expect(schedule.start() == nil)
    // The first batch is not complete, but its second shard is free again.
    let id = try #require(second?.id)
    #expect(schedule.finish(id, deadRows: 0, thereRows: 0) == nil)
    let third = schedule.start()
    #expect(third?.shard?.index == 1 && third?.end == 4)
    let done = schedule.finish(try #require(first?.id), deadRows: 1, thereRows: 0)
    #expect(done?.offsets == [0..<2] && done?.deadRows == 1)
  }

  @Test func aWholeRequestWaitsForAllShardsAndHoldsThem() throws {
    var schedule = schedule(shards: 2, whole: 100)
    try add(0, to: &schedule)
    let whole = schedule.start()
    #expect(whole != nil && whole?.shard == nil)
    #expect(!schedule.wantsMore)
    _ = schedule.finish(try #require(whole?.id), deadRows: 0, thereRows: 0)
    #expect(schedule.isEmpty && schedule.wantsMore && schedule.readUpTo == 2)
  }

  @Test func asksForMoreOnlyWhileAShardHasNothingToDo() throws {
    var schedule = schedule(shards: 2)
    #expect(schedule.wantsMore)
    try add(0, to: &schedule)
    #expect(!schedule.wantsMore)
    let first = schedule.start()
    _ = schedule.start()
    #expect(!schedule.wantsMore)
    _ = schedule.finish(try #require(first?.id), deadRows: 0, thereRows: 0)
    #expect(schedule.wantsMore)
  }

  @Test func keepsNoMoreBatchesThanACursorHasHoles() throws {
    var schedule = schedule(shards: 2)
    for number in 0..<40 {
      guard schedule.wantsMore else { break }
      try add(UInt64(number) * 2, to: &schedule)
      while let request = schedule.start() {
        if request.shard?.index == 1 { _ = schedule.finish(request.id, deadRows: 0, thereRows: 0) }
      }
    }
    #expect(!schedule.wantsMore && schedule.readUpTo == 64)
  }

  @Test func sendsWhatMayHaveBeenSentAsOneRequest() throws {
    var schedule = schedule(shards: 4)
    try add(0, to: &schedule, mayBeThere: true)
    let request = schedule.start()
    #expect(request?.shard == nil && request?.mayBeThere == true)
  }

  @Test func forgetsEverythingWhenItStartsOver() throws {
    var schedule = schedule(shards: 2)
    try add(0, to: &schedule)
    let request = schedule.start()
    schedule.startOver()
    #expect(schedule.runningCount == 1 && schedule.readUpTo == nil && schedule.start() == nil)
    #expect(schedule.finish(try #require(request?.id), deadRows: 0, thereRows: 0) == nil)
    #expect(schedule.wantsMore)
  }
}
