import Codec
import Logging
import Model
import Synchronization
import Testing

@testable import Runtime

@Suite("A lane")
struct LaneTests {
  /// Runs a lane until `done` holds, then stops it as a shutdown does. Pauses take no time and are remembered.
  private func run(
    _ source: MemorySource, _ forwarder: ScriptedForwarder, box: MemoryBox = MemoryBox(),
    limits: LaneLimits = LaneLimits(), until done: @escaping @Sendable (LaneCounters) -> Bool
  ) async -> (counters: LaneCounters, pauses: [Duration]) {
    let pauses = Mutex<[Duration]>([])
    let lane = Lane(
      name: "test", source: source, forwarder: forwarder, deadLetters: box, limits: limits, logger: .silent,
      wallClock: { UnixMilliseconds(5000) },
      sleep: { pause in
        pauses.withLock { $0.append(pause) }
        try await Task.sleep(for: .microseconds(100))
      })
    let task = Task { await lane.run() }
    #expect(await eventually { done(lane.counters) })
    lane.stop()
    await task.value
    return (lane.counters, pauses.withLock { $0 })
  }

  @Test func deliversInOrderAndAcknowledgesOnce() async throws {
    let source = MemorySource([try queued(0), try queued(2), try queued(4)])
    let forwarder = ScriptedForwarder()
    let (counters, pauses) = await run(source, forwarder) { $0.deliveredRows == 6 }
    #expect(source.acknowledged == [0..<6])
    #expect(forwarder.deliveries.flatMap(\.blocks).map(\.block.header.sequences.lowerBound) == [1, 3, 5])
    #expect(pauses.isEmpty)
    #expect(counters.deliveredBlocks == 3 && counters.deliveredEntries == 6 && counters.requests == [.delivered: 1])
    #expect(counters.lastDeliveryAt == UnixMilliseconds(5000))
    #expect(forwarder.state.withLock { $0.isClosed })
  }

  @Test func sendsTheSameBlocksAgainAfterAFailure() async throws {
    let source = MemorySource([try queued(0), try queued(2)])
    let forwarder = ScriptedForwarder([.retry(reason: "away", after: nil), .retry(reason: "away", after: .seconds(7))])
    let (counters, pauses) = await run(source, forwarder) { $0.deliveredRows == 4 }
    let sent = forwarder.deliveries.map { $0.blocks.map(\.block) }
    #expect(sent.count == 3 && sent[0] == sent[1] && sent[1] == sent[2])
    #expect(pauses.count == 2 && pauses[0] <= .milliseconds(100) && pauses[1] >= .seconds(7))
    #expect(counters.requests == [.retry: 2, .delivered: 1] && counters.lastError == "away")
    #expect(counters.failuresInARow == 0)
  }

  @Test func notesDurablyWhatMayBeSentBeforeItIsSent() async throws {
    let source = MemorySource([try queued(0), try queued(2)])
    let marks = Mutex<[UInt64]>([])
    let forwarder = ScriptedForwarder(during: { _ in marks.withLock { $0.append(source.state.withLock { $0.marked }) } }
    )
    _ = await run(source, forwarder) { $0.deliveredRows == 4 }
    #expect(marks.withLock { $0 } == [4])
    #expect(source.state.withLock { $0.isSettled })
  }

  @Test func halvesUntilTheDestinationTakesIt() async throws {
    let source = MemorySource(try (0..<8).map { try queued(UInt64($0) * 2) })
    let forwarder = ScriptedForwarder([.tooLarge(reason: "413"), .tooLarge(reason: "413")])
    _ = await run(source, forwarder) { $0.deliveredRows == 16 }
    #expect(forwarder.deliveries.map(\.blocks.count) == [8, 4, 2, 2, 4])
    let firsts = forwarder.deliveries.dropFirst(2).flatMap(\.blocks).map(\.block.header.sequences.lowerBound)
    #expect(firsts == [1, 3, 5, 7, 9, 11, 13, 15])
  }

  @Test func keepsTenantsApart() async throws {
    let shop = try #require(Tenant("shop"))
    let source = MemorySource([try queued(0), try queued(2, tenant: shop), try queued(4, tenant: shop), try queued(6)])
    let forwarder = ScriptedForwarder()
    _ = await run(source, forwarder) { $0.deliveredRows == 8 }
    #expect(forwarder.deliveries.map(\.blocks.count) == [1, 2, 1])
    for delivery in forwarder.deliveries {
      #expect(Set(delivery.blocks.map(\.block.header.tenant)).count == 1)
    }
  }

  @Test func startsOverWhenTheCursorIsMovedDuringARequest() async throws {
    let source = MemorySource([try queued(0)])
    let forwarder = ScriptedForwarder(during: { before in if before == 0 { source.reset() } })
    _ = await run(source, forwarder) { $0.requests[.delivered] == 2 }
    #expect(forwarder.deliveries.map(\.generation) == [0, 1])
    #expect(source.acknowledged == [0..<2])
  }

  @Test func aMovedCursorEndsALongPause() async throws {
    let source = MemorySource([try queued(0)])
    var limits = LaneLimits()
    limits.lookInterval = .milliseconds(5)
    let lane = Lane(
      name: "test", source: source, forwarder: ScriptedForwarder([.misconfigured(reason: "401")]),
      deadLetters: MemoryBox(), limits: limits, logger: .silent)
    let task = Task { await lane.run() }
    #expect(await eventually { lane.counters.alarm != nil })
    source.reset()
    #expect(await eventually { lane.counters.deliveredRows == 2 })
    task.cancel()
    await task.value
  }

  @Test func triesAgainWhenTheLogCannotBeRead() async throws {
    let source = MemorySource([try queued(0)], readErrors: 3)
    let (counters, pauses) = await run(source, ScriptedForwarder()) { $0.deliveredRows == 2 }
    #expect(counters.readErrors == 3 && counters.lastError?.contains("reading the log") == true)
    #expect(counters.requests == [.delivered: 1])
    #expect(pauses.count == 3 && pauses[2] > pauses[0] && pauses[2] <= .milliseconds(400))
  }

  @Test func showsThatTheLogCannotBeRead() async throws {
    let source = MemorySource([try queued(0)], readErrors: .max)
    let (counters, _) = await run(source, ScriptedForwarder()) { $0.failuresInARow > 3 }
    #expect(counters.readErrors > 3 && counters.deliveredRows == 0)
  }

  @Test func holdsWhileOnlyAPersonCanHelp() async throws {
    let source = MemorySource([try queued(0)])
    let forwarder = ScriptedForwarder(Array(repeating: .misconfigured(reason: "401"), count: 100_000))
    let (counters, pauses) = await run(source, forwarder) { $0.requests[.misconfigured] ?? 0 > 20 }
    #expect(source.acknowledged.isEmpty)
    #expect(counters.alarm?.contains("401") == true)
    #expect(pauses.allSatisfy { $0 > .seconds(20) })
    #expect(counters.waitingSeconds(now: UnixMilliseconds(9000)) == 9)
  }

  @Test func stopsAtOnceWhileItWaitsForALongTime() async throws {
    let lane = Lane(
      name: "test", source: MemorySource([try queued(0)]),
      forwarder: ScriptedForwarder([.misconfigured(reason: "401")]), deadLetters: MemoryBox(), logger: .silent)
    let task = Task { await lane.run() }
    #expect(await eventually { lane.counters.alarm != nil })
    let start = ContinuousClock.now
    lane.stop()
    await task.value
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test func deliversAtAStopWhatIsThere() async throws {
    let source = MemorySource([])
    let forwarder = ScriptedForwarder()
    let lane = Lane(
      name: "test", source: source, forwarder: forwarder, deadLetters: MemoryBox(), logger: .silent)
    let task = Task { await lane.run() }
    source.add([try queued(0)])
    lane.stop()
    await task.value
    #expect(source.acknowledged == [0..<2])
    #expect(source.state.withLock { $0.isSettled })
  }

  // MARK: - Refusals

  /// Refuses every request with this row in it, or with this series of it.
  private static func refusing(row: UInt64, series: Int? = nil, _ outcome: Outcome = .refused(reason: "bad row"))
    -> @Sendable (Delivery) -> Answer?
  {
    { delivery in
      let found = (try? rows(of: delivery)) ?? []
      let isBad = found.contains { $0.sequence == row && (series.map($0.series.contains) ?? true) }
      return isBad ? Answer(outcome) : nil
    }
  }

  @Test func putsOnlyTheSeriesAtFaultIntoDeadLetters() async throws {
    let source = MemorySource(try (0..<4).map { try queued(UInt64($0) * 4, rows: 4, series: 16) })
    let box = MemoryBox()
    let forwarder = ScriptedForwarder(judge: Self.refusing(row: 7, series: 11))
    let (counters, _) = await run(source, forwarder, box: box) { $0.deliveredBlocks == 4 }
    #expect(source.acknowledged == [0..<16])
    let letter = try #require(box.letters.first)
    #expect(box.letters.count == 1 && letter.reason == "bad row")
    let dead = try rows(of: Delivery(blocks: letter.blocks, generation: 0))
    #expect(dead.count == 1 && dead[0].sequence == 7 && dead[0].series == [11])
    #expect(counters.deadLetterRows == 1 && counters.deliveredRows == 15)
    // 16 rows of 16 series: one of 256.
    #expect(counters.splitRequests == 16)
  }

  @Test func cutsNoRowForThoseWhoKnowRowsByNumber() async throws {
    for outcome in [Outcome.refused(reason: "bad"), .tooLarge(reason: "bad")] {
      let source = MemorySource(try (0..<4).map { try queued(UInt64($0) * 4, rows: 4, series: 16) })
      let box = MemoryBox()
      let forwarder = ScriptedForwarder(
        partsOfRows: false, judge: Self.refusing(row: 7, series: 11, outcome))
      let (counters, _) = await run(source, forwarder, box: box) { $0.deliveredBlocks == 4 }
      #expect(source.acknowledged == [0..<16])
      let letter = try #require(box.letters.first)
      let dead = try rows(of: Delivery(blocks: letter.blocks, generation: 0))
      #expect(box.letters.count == 1 && dead.count == 1 && dead[0].sequence == 7)
      #expect(dead[0].series == Array(0..<16))
      #expect(counters.deadLetterRows == 1 && counters.deliveredRows == 15)
      for delivery in forwarder.deliveries { #expect(try rows(of: delivery).allSatisfy { $0.series.count == 16 }) }
    }
  }

  @Test func keepsARowWholeInADeadLetterForThoseWhoKnowRowsByNumber() async throws {
    func letters(partsOfRows: Bool) async throws -> [[Int]] {
      let box = MemoryBox()
      box.state.withLock { $0.mostEntries = 8 }
      let forwarder = ScriptedForwarder(
        partsOfRows: partsOfRows, judge: { _ in Answer(.refused(reason: "bad"), status: 400) })
      let source = MemorySource([try queued(0, rows: 2, series: 16)])
      _ = await run(source, forwarder, box: box) {
        partsOfRows ? $0.deliveredBlocks == 1 : $0.lastError?.hasPrefix("the dead letters") == true
      }
      return try box.letters.map { try rows(of: Delivery(blocks: $0.blocks, generation: 0)).flatMap(\.series) }
    }
    #expect(try await letters(partsOfRows: true).count == 4)
    // It waits for room that a person can make.
    #expect(try await letters(partsOfRows: false) == [])
  }

  @Test func stopsSplittingAfterSomeRequestsAndPutsTheRestAway() async throws {
    let source = MemorySource([try queued(0, rows: 256)])
    let box = MemoryBox()
    let forwarder = ScriptedForwarder(judge: { _ in Answer(.refused(reason: "all of it")) })
    let (counters, _) = await run(source, forwarder, box: box) { $0.deliveredBlocks == 1 }
    #expect(counters.splitRequests == 64)
    #expect(counters.deadLetterRows == 256 && counters.deliveredRows == 0)
    #expect(box.letters.count == 1)
  }

  @Test func sendsNothingRefusedAgainWhereTheSpecificationForbidsIt() async throws {
    let source = MemorySource([try queued(0), try queued(2)])
    let box = MemoryBox()
    var limits = LaneLimits()
    limits.refusals = .specification
    limits.batchEntries = 2
    let forwarder = ScriptedForwarder(
      [.refused(reason: "400"), .misconfigured(reason: "401")])
    let (counters, pauses) = await run(source, forwarder, box: box, limits: limits) { $0.deliveredBlocks == 2 }
    #expect(forwarder.deliveries.count == 2 && pauses.isEmpty)
    #expect(box.letters.map(\.reason) == ["400", "401"] && counters.deadLetterRows == 4)
  }

  @Test func acknowledgesRefusedRowsOnlyWhenTheirLetterIsDurable() async throws {
    let source = MemorySource([try queued(0, rows: 1)])
    let box = MemoryBox()
    box.state.withLock { $0.failures = 3 }
    let forwarder = ScriptedForwarder(judge: { _ in Answer(.refused(reason: "no")) })
    let (_, pauses) = await run(source, forwarder, box: box) { $0.deliveredBlocks == 1 }
    #expect(box.letters.count == 1 && pauses.count == 3)
    #expect(source.acknowledged == [0..<1])
  }

  /// With blocks that the destination has among the dead letters, a redrive would double them.
  @Test func putsOnlyThoseBlocksAwayThatTheDestinationSaysItRefused() async throws {
    let source = MemorySource([try queued(0), try queued(2), try queued(4)])
    let box = MemoryBox()
    var limits = LaneLimits()
    limits.splitRequests = 0
    let forwarder = ScriptedForwarder(judge: { delivery in
      var answer = Answer(.refused(reason: "bad"))
      answer.refusedBlocks = [1]
      return delivery.blocks.count == 3 ? answer : Answer(.delivered)
    })
    let (counters, _) = await run(source, forwarder, box: box, limits: limits) { $0.deliveredBlocks == 3 }
    #expect(forwarder.deliveries.count == 1)
    #expect(counters.deadLetterRows == 2 && counters.deliveredRows == 4)
    #expect(try rows(of: Delivery(blocks: box.letters[0].blocks, generation: 0)).map(\.sequence) == [3, 4])
  }

  @Test func takesAConflictForADeliveryOnlyWhereTheRowsMayHaveBeenSent() async throws {
    // The first two blocks may have been sent before a crash; row 1 of the third was refused for another reason.
    let source = MemorySource([try queued(0), try queued(2), try queued(4)], sentBefore: 3)
    let box = MemoryBox()
    let forwarder = ScriptedForwarder(judge: { delivery in
      let found = (try? rows(of: delivery)) ?? []
      return found.contains { [1, 2, 3, 5].contains($0.sequence) } ? Answer(.conflict(reason: "out of order")) : nil
    })
    let (counters, _) = await run(source, forwarder, box: box) { $0.deliveredBlocks == 3 }
    #expect(forwarder.deliveries[0].blocks.count == 1)
    #expect(counters.alreadyThereRows == 3 && counters.deadLetterRows == 1 && counters.deliveredRows == 2)
    let dead = try rows(of: Delivery(blocks: box.letters[0].blocks, generation: 0))
    #expect(dead.map(\.sequence) == [5])
  }

  /// Else the next life takes the destination's "I have that" about the rest for a refusal.
  @Test func doesNotSettleAtAStopWhatAnEarlierLifeMayHaveSentAndThisOneDidNotGetTo() async throws {
    let source = MemorySource([try queued(0), try queued(2)], sentBefore: 4)
    var limits = LaneLimits()
    limits.drainAtStop = .zero
    let running = Mutex<Lane?>(nil)
    let forwarder = ScriptedForwarder(during: { _ in
      guard let lane = running.withLock({ $0 }) else { return }
      lane.stop()
      _ = await eventually { lane.state.withLock { $0.isStopping } }
    })
    let lane = Lane(
      name: "test", source: source, forwarder: forwarder, deadLetters: MemoryBox(), limits: limits, logger: .silent)
    running.withLock { $0 = lane }
    await lane.run()
    #expect(source.acknowledged == [0..<2])
    #expect(!source.state.withLock { $0.isSettled })
    running.withLock { $0 = nil }
    _ = await run(source, ScriptedForwarder()) { $0.deliveredRows == 2 }
    #expect(source.state.withLock { $0.isSettled })
  }

  @Test func takesAConflictForADeliveryAfterALostAnswer() async throws {
    let source = MemorySource([try queued(0)])
    let first = Mutex(true)
    let forwarder = ScriptedForwarder(judge: { _ in
      let isFirst = first.withLock { first in
        defer { first = false }
        return first
      }
      return isFirst
        ? Answer(.retry(reason: "no answer", after: nil), mayHaveArrived: true) : Answer(.conflict(reason: "duplicate"))
    })
    let box = MemoryBox()
    let (counters, _) = await run(source, forwarder, box: box) { $0.deliveredBlocks == 1 }
    #expect(counters.alreadyThereRows == 2 && counters.deadLetterRows == 0 && box.letters.isEmpty)
  }

  @Test func sendsDeadLettersAgainWhenSomebodyWantsIt() async throws {
    let box = MemoryBox()
    let good = RefusedRows(blocks: [try queued(0).block], reason: "old", generation: 0)
    let bad = RefusedRows(blocks: [try queued(10, rows: 1).block], reason: "old", generation: 0)
    _ = try await box.add(good)
    _ = try await box.add(bad)
    box.state.withLock { $0.marked = [1, 2] }
    let forwarder = ScriptedForwarder(judge: Self.refusing(row: 11, .refused(reason: "still")))
    let source = MemorySource([])
    _ = await run(source, forwarder, box: box) { _ in
      box.state.withLock { $0.marked.isEmpty }
    }
    #expect(box.letters.map(\.reason) == ["still"])
    #expect(source.acknowledged.isEmpty)
  }

  // MARK: - Shards

  @Test func dividesALargeBatchAmongShards() async throws {
    var limits = LaneLimits()
    limits.wholeBatchEntries = 4
    let source = MemorySource([try queued(0, rows: 32, sources: Array(1...32))])
    let forwarder = ScriptedForwarder(shards: 4)
    let (counters, _) = await run(source, forwarder, limits: limits) { $0.deliveredBlocks == 1 }
    #expect(forwarder.deliveries.count == 4)
    let all = try forwarder.deliveries.flatMap { try rows(of: $0).map(\.sequence) }
    #expect(all.sorted() == Array(1...32))
    #expect(counters.deliveredRows == 32 && source.acknowledged == [0..<32])
  }

  @Test func aShardThatBacksOffStopsNoOther() async throws {
    var limits = LaneLimits()
    limits.wholeBatchEntries = 1
    limits.batchEntries = 8
    let blocks = try (0..<10).map { try queued(UInt64($0) * 8, rows: 8, sources: Array(1...8)) }
    let source = MemorySource(blocks)
    let isStuck = Mutex(true)
    let forwarder = ScriptedForwarder(
      shards: 4,
      judge: { delivery in
        delivery.shard?.index == 1 && isStuck.withLock { $0 } ? Answer(.retry(reason: "slow", after: nil)) : nil
      })
    _ = await run(source, forwarder, limits: limits) { _ in
      let others = forwarder.deliveries.count { $0.shard?.index == 2 }
      if others == 10 { isStuck.withLock { $0 = false } }
      return source.acknowledged.count == 10
    }
    // Within a shard the order is the log's.
    for shard in 0..<4 {
      let firsts = forwarder.deliveries.filter { $0.shard?.index == shard }
        .compactMap(\.blocks.first?.block.header.sequences.lowerBound)
      #expect(firsts == firsts.sorted())
    }
  }

  @Test func mergesWhatIsPassedOnAsBytes() async throws {
    let source = MemorySource(try (0..<4).map { try queued(UInt64($0) * 2) })
    let forwarder = ScriptedForwarder(merged: true)
    _ = await run(source, forwarder) { $0.deliveredRows == 8 }
    #expect(forwarder.deliveries.map(\.blocks.count) == [1])
    #expect(try rows(of: forwarder.deliveries[0]).map(\.sequence) == Array(1...8))
  }

  @Test func mergesAlsoWhatMayHaveBeenSentForThoseWhoKnowRowsByNumber() async throws {
    let source = MemorySource(try (0..<4).map { try queued(UInt64($0) * 2) }, sentBefore: 5)
    let forwarder = ScriptedForwarder(merged: true, partsOfRows: false)
    _ = await run(source, forwarder) { $0.deliveredRows == 8 }
    #expect(forwarder.deliveries.map(\.blocks.count) == [1])
    let plain = ScriptedForwarder(merged: true)
    _ = await run(
      MemorySource(try (0..<4).map { try queued(UInt64($0) * 2) }, sentBefore: 5), plain
    ) { $0.deliveredRows == 8 }
    #expect(plain.deliveries.map(\.blocks.count) == [1, 1, 1, 1])
  }

  @Test func readsMoreAtOnceOfWhatIsMerged() async throws {
    let blocks = try (0..<4).map { try queued(UInt64($0) * 2) }
    var limits = LaneLimits()
    limits.batchEntries = 2
    let forwarder = ScriptedForwarder(merged: true)
    _ = await run(MemorySource(blocks), forwarder, limits: limits) { $0.deliveredRows == 8 }
    #expect(forwarder.deliveries.map(\.blocks.count) == [1])
    let plain = ScriptedForwarder()
    _ = await run(MemorySource(blocks), plain, limits: limits) { $0.deliveredRows == 8 }
    #expect(plain.deliveries.map(\.blocks.count) == [1, 1, 1, 1])
  }

  @Test func keepsToItsAllowance() async throws {
    let source = MemorySource(try (0..<6).map { try queued(UInt64($0) * 2) })
    var limits = LaneLimits()
    limits.batchEntries = 2
    limits.maxRequestsPerSecond = 2
    // A clock that only pauses move.
    let start = ContinuousClock.now
    let passed = Mutex(Duration.zero)
    let lane = Lane(
      name: "test", source: source, forwarder: ScriptedForwarder(), deadLetters: MemoryBox(), limits: limits,
      logger: .silent, clock: { start + passed.withLock { $0 } }, sleep: { pause in passed.withLock { $0 += pause } })
    let task = Task { await lane.run() }
    #expect(await eventually { lane.counters.deliveredRows == 12 })
    lane.stop()
    await task.value
    // Two at once, then one each half second.
    #expect(passed.withLock { $0 } == .seconds(2))
  }

  @Test func sendsOneDeadLetterAfterTheOther() async throws {
    let box = MemoryBox()
    for number in 0..<5 {
      _ = try await box.add(
        RefusedRows(blocks: [try queued(UInt64(number) * 2).block], reason: "old", generation: 0))
    }
    box.state.withLock { $0.marked = [1, 2, 3, 4, 5] }
    let underWay = Mutex((now: 0, most: 0))
    let forwarder = ScriptedForwarder(
      shards: 4,
      during: { _ in
        underWay.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        try? await Task.sleep(for: .milliseconds(2))
        underWay.withLock { $0.now -= 1 }
      })
    _ = await run(MemorySource([]), forwarder, box: box) { _ in box.state.withLock { $0.letters.isEmpty } }
    #expect(underWay.withLock { $0.most } == 1)
    #expect(!forwarder.deliveries.contains { !$0.mayHoldPartsOfRows })
    let firsts = forwarder.deliveries.compactMap(\.blocks.first?.block.header.sequences.lowerBound)
    #expect(firsts == [1, 3, 5, 7, 9])
  }

  @Test func cutsWhatIsTooLargeForOneDeadLetter() async throws {
    let source = MemorySource(try (0..<5).map { try queued(UInt64($0) * 2) })
    let box = MemoryBox()
    box.state.withLock { $0.mostBlocks = 2 }
    var limits = LaneLimits()
    limits.splitRequests = 0
    let forwarder = ScriptedForwarder(judge: { _ in Answer(.refused(reason: "no"), status: 400) })
    let (counters, _) = await run(source, forwarder, box: box, limits: limits) { $0.deliveredBlocks == 5 }
    #expect(counters.deadLetterRows == 10)
    #expect(!box.letters.contains { $0.blocks.count > 2 })
    let firsts = box.letters.flatMap(\.blocks).map(\.block.header.sequences.lowerBound)
    #expect(firsts == [1, 3, 5, 7, 9])
  }

  @Test func doesNotTakeAnEmptyShardForASuccess() async throws {
    var limits = LaneLimits()
    limits.wholeBatchEntries = 0
    let source = MemorySource([try queued(0)])
    let isAway = Mutex(true)
    let forwarder = ScriptedForwarder(
      shards: 4,
      judge: { delivery in
        if (try? rows(of: delivery))?.isEmpty ?? true { return .nothingToSend }
        return isAway.withLock { $0 } ? Answer(.retry(reason: "away", after: nil)) : Answer(.delivered)
      })
    let (counters, _) = await run(source, forwarder, limits: limits) { counters in
      if counters.failuresInARow > 3 { isAway.withLock { $0 = false } }
      return counters.deliveredRows == 2
    }
    #expect(counters.requests[.delivered] == 1)
  }
}
