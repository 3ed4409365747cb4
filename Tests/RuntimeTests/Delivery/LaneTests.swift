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
    _ source: MemorySource, _ forwarder: ScriptedForwarder, until done: @escaping @Sendable (LaneCounters) -> Bool
  ) async -> (counters: LaneCounters, pauses: [Duration]) {
    let pauses = Mutex<[Duration]>([])
    let lane = Lane(
      name: "test", source: source, forwarder: forwarder,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), wallClock: { UnixMilliseconds(5000) },
      sleep: { pause in
        pauses.withLock { $0.append(pause) }
        try await Task.sleep(for: .microseconds(100))
      })
    let task = Task { await lane.run() }
    #expect(await eventually { done(lane.counters) })
    task.cancel()
    await task.value
    return (lane.counters, pauses.withLock { $0 })
  }

  @Test func deliversInOrderAndAcknowledgesOnce() async throws {
    let source = MemorySource([try queued(0), try queued(2), try queued(4)])
    let forwarder = ScriptedForwarder()
    let (counters, pauses) = await run(source, forwarder) { $0.deliveredRows == 6 }
    #expect(source.acknowledged == [0..<2, 2..<4, 4..<6])
    #expect(forwarder.deliveries.flatMap(\.blocks).map(\.block.header.sequences.lowerBound) == [1, 3, 5])
    #expect(pauses.isEmpty)
    #expect(counters.deliveredBlocks == 3 && counters.requests == [.delivered: 1])
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

  @Test func acknowledgesNothingWhileTheDestinationRefuses() async throws {
    let source = MemorySource([try queued(0)])
    let forwarder = ScriptedForwarder(Array(repeating: .refused(reason: "422"), count: 100_000))
    let (counters, pauses) = await run(source, forwarder) { $0.requests[.refused] ?? 0 > 20 }
    #expect(source.acknowledged.isEmpty)
    #expect(counters.alarm?.contains("422") == true)
    #expect(pauses.allSatisfy { $0 > .seconds(20) })
    #expect(counters.waitingSeconds(now: UnixMilliseconds(9000)) == 9)
  }

  @Test func halvesUntilTheDestinationTakesIt() async throws {
    let source = MemorySource(try (0..<8).map { try queued(UInt64($0) * 2) })
    let forwarder = ScriptedForwarder([.tooLarge(reason: "413"), .tooLarge(reason: "413")])
    _ = await run(source, forwarder) { $0.deliveredRows == 16 }
    #expect(forwarder.deliveries.map(\.blocks.count) == [8, 4, 2, 2, 2, 2])
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
    let forwarder = ScriptedForwarder { before in if before == 0 { source.reset() } }
    _ = await run(source, forwarder) { $0.requests[.delivered] == 2 }
    #expect(forwarder.deliveries.map(\.generation) == [0, 1])
    #expect(source.acknowledged == [0..<2])
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

  @Test func stopsAtOnceWhileItWaitsForALongTime() async throws {
    let lane = Lane(
      name: "test", source: MemorySource([try queued(0)]),
      forwarder: ScriptedForwarder([.misconfigured(reason: "401")]),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let task = Task { await lane.run() }
    #expect(await eventually { lane.counters.alarm != nil })
    let start = ContinuousClock.now
    task.cancel()
    await task.value
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}
