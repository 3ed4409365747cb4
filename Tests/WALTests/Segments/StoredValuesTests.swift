import Codec
import Model
import Testing

@testable import WAL

/// The small values of docs/log-format.md: they come back as they were, and damaged ones are noticed.
@Suite struct `Stored values` {
  private var totals: SegmentTotals {
    var totals = SegmentTotals(first: 40)
    totals.end = 90
    totals.blocks = 3
    totals.rows = 49
    totals.entries = 1000
    totals.bytes = 12345
    totals.metricTimes = -5...70
    totals.sealedAt = 17
    totals.sealedWall = 1_700_000_000_000
    totals.rowsByTenant[.init(tenant: .default, signal: .metrics)] = 40
    if let tenant = Tenant("shop-7") { totals.rowsByTenant[.init(tenant: tenant, signal: .logs)] = 9 }
    return totals
  }

  private var consumer: ConsumerRecord {
    var record = ConsumerRecord(base: 100, createdWall: 5)
    record.generation = 3
    record.droppedRows = 7
    record.missingRows = 8
    record.unheldMilliseconds = 9
    record.sentBound = 150
    _ = record.delivered.insert(120..<130)
    _ = record.delivered.insert(140..<141)
    return record
  }

  @Test func `come back as they were`() throws {
    #expect(try SegmentTotals(decoding: totals.encoded()) == totals)
    #expect(try ConsumerRecord(decoding: consumer.encoded()) == consumer)
    let mark = LogTime.Mark(logMilliseconds: 1, sinceBoot: 2, bootName: "b", wall: -3)
    #expect(try LogTime.Mark(decoding: mark.encoded()) == mark)
    for action in [
      CursorRequest.Action.forget, .reset(.oldest), .reset(.newest), .reset(.time(UnixMilliseconds(-12))),
    ] {
      let request = CursorRequest(name: "a name", action: action)
      #expect(CursorRequest(reading: request.bytes) == request)
    }
  }

  @Test func `are the golden bytes of their versions`() throws {
    #expect(
      totals.encoded().map { String($0, radix: 16) }.joined(separator: " ")
        == "1 28 0 0 0 0 0 0 0 5a 0 0 0 0 0 0 0 3 0 0 0 0 0 0 0 31 0 0 0 0 0 0 0 e8 3 0 0 0 0 0 0 39 30 0 0 0 0 0 0 1 "
        + "fb ff ff ff ff ff ff ff 46 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 11 0 0 0 0 0 0 0 "
        + "0 68 e5 cf 8b 1 0 0 2 0 1 28 6 73 68 6f 70 2d 37 2 9")
    let start = "3 0 0 0 0 0 0 0 64 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0 7 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0"
    let ranges = "2 0 78 0 0 0 0 0 0 0 82 0 0 0 0 0 0 0 8c 0 0 0 0 0 0 0 8d 0 0 0 0 0 0 0"
    #expect(
      consumer.encoded().map { String($0, radix: 16) }.joined(separator: " ")
        == "2 \(start) 96 0 0 0 0 0 0 0 \(ranges)")
    var first = consumer
    first.sentBound = 0
    let version1 = "1 \(start) \(ranges)".split(separator: " ").compactMap { UInt8($0, radix: 16) }
    #expect(try ConsumerRecord(decoding: version1) == first)
  }

  @Test func `are refused when any bit is another`() {
    let key = Array("key".utf8)
    let sealed = CheckedValue.seal(consumer.encoded(), key: key)
    #expect(CheckedValue.open(sealed, key: key) == consumer.encoded())
    #expect(CheckedValue.open(sealed, key: Array("kez".utf8)) == nil)
    for bit in 0..<(sealed.count * 8) {
      var flipped = sealed
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect(CheckedValue.open(flipped, key: key) == nil)
    }
  }

  @Test func `are decoded without a trap whatever the bytes are`() {
    var random = LogRandom(seed: 1)
    for sample in [totals.encoded(), consumer.encoded(), ReceivedOrigin(lastHeard: 3).encoded()] {
      for _ in 0..<3000 {
        var bytes = sample
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        _ = try? SegmentTotals(decoding: bytes)
        _ = try? ConsumerRecord(decoding: bytes)
        _ = try? ReceivedOrigin(decoding: bytes)
        _ = try? LogTime.Mark(decoding: bytes)
        _ = CursorRequest(reading: bytes)
      }
    }
  }

  @Test func `name segments so that the directory sorts by age`() {
    #expect(SegmentName.file(42) == "00000000000000000042.lmdb")
    #expect(SegmentName.first("00000000000000000042.lmdb") == 42)
    for name in [
      "42.lmdb", "0000000000000000004x.lmdb", "00000000000000000042.sums", "99999999999999999999.lmdb",
      "18446744073709551615.lmdb", "+0000000000000000042.lmdb", "00000000000000000042.lmdb.tmp",
    ] { #expect(SegmentName.first(name) == nil) }
  }
}
