import Codec
import Model
import Testing

@testable import Runtime

@Suite("Batches")
struct LaneBatchesTests {
  private func cut(
    _ blocks: [QueuedBlock], entries: Int = 1000, logBytes: Int = 1 << 20, sentBefore: UInt64 = 0
  ) -> [[UInt64]] {
    LaneBatches.cut(blocks, limitEntries: entries, limitLogBytes: logBytes, sentBefore: sentBefore)
      .map { $0.map(\.offsets.lowerBound) }
  }

  @Test func holdAsManyBlocksAsTheLimitAllows() throws {
    let blocks = try (0..<5).map { try queued(UInt64($0) * 2) }
    #expect(cut(blocks, entries: 5) == [[0, 2], [4, 6], [8]])
    #expect(cut(blocks, entries: 1) == [[0], [2], [4], [6], [8]])
    #expect(cut([]) == [])
  }

  @Test func ofLogEntriesHoldSoManyBytesHoweverWellTheyAreCompressed() throws {
    let blocks = try (0..<5).map { try queuedLine(UInt64($0), bytes: 4000) }
    #expect(blocks[0].block.block.bytes.count < 1000)
    #expect(cut(blocks, logBytes: 9000) == [[0, 1], [2, 3], [4]])
    // One that is larger stands alone, and those behind it count anew.
    let large = [try queuedLine(0, bytes: 40_000)] + (try (1..<4).map { try queuedLine(UInt64($0), bytes: 4000) })
    #expect(cut(large, logBytes: 9000) == [[0], [1, 2], [3]])
  }

  @Test func ofSamplesAreNotCutByBytes() throws {
    let blocks = try (0..<5).map { try queued(UInt64($0) * 2) }
    #expect(cut(blocks, logBytes: 1) == [[0, 2, 4, 6, 8]])
  }

  @Test func areOfOneTenant() throws {
    let shop = try #require(Tenant("shop"))
    #expect(cut([try queued(0), try queued(2, tenant: shop), try queued(4, tenant: shop)]) == [[0], [2, 4]])
  }

  @Test func keepWhatMayHaveBeenSentAlone() throws {
    let blocks = try (0..<5).map { try queued(UInt64($0) * 2) }
    #expect(cut(blocks, sentBefore: 3) == [[0], [2], [4, 6, 8]])
  }

  @Test func shrinkWhenARequestWasTooLargeAndGrowAgain() {
    var size = BatchSize(limits: LaneLimits())
    #expect(size.entries == 262_144)
    size.tooLarge(entries: 10_000)
    #expect(size.entries == 5000)
    for _ in 0..<32 { size.delivered(entries: 5000, sentBytes: 40_000) }
    #expect(size.entries == 10_000)
    for _ in 0..<(32 * 5) { size.delivered(entries: 5000, sentBytes: 40_000) }
    #expect(size.entries == 262_144)
  }

  @Test func holdNoMoreThanASecondsAllowance() {
    var limits = LaneLimits()
    limits.maxBytesPerSecond = 40_000
    var size = BatchSize(limits: limits)
    for _ in 0..<100 { size.delivered(entries: 1000, sentBytes: 20_000) }
    #expect((1900...2100).contains(size.entries))
  }
}
