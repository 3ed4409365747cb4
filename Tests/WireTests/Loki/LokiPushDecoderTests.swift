import Codec
import Model
import Testing

@testable import Wire

@Suite struct LokiPushDecoderTests {
  /// A field that holds bytes.
  static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(content.count)] + content
  }

  private static let labels = field(1, Array("{a=\"b\"}".utf8))

  @Test("A message has the fields of the specification")
  func golden() throws {
    let entry =
      Self.field(1, [0x08, 0xac, 0x02, 0x10, 0x07]) + Self.field(2, Array("hello".utf8))
      + Self.field(3, Self.field(1, Array("k".utf8)) + Self.field(2, Array("v".utf8)))
    let message = Self.field(1, Self.labels + Self.field(2, entry) + [0x18, 0x05])
    let push = try LokiPushDecoder.decode(message)
    let expected = LogEntry(
      timestamp: UnixNanoseconds(300_000_000_007), line: Array("hello".utf8), structuredMetadata: [Label("k", "v")])
    #expect(push.streams == [.init(.text(Array("{a=\"b\"}".utf8)), entries: [expected])])
    #expect(try LokiPushDecoder.decode(compressed: Snappy.compress(message.span.bytes)) == push)

    // And the encoder writes the same, but for the hash, which nobody wants.
    let table = try SeriesTable(encoding: [Series(Labels([Label("a", "b")]))], signal: .logs)
    let rows = LogRows(source: 1, tables: [table], entries: [.init(stream: 0, entry: expected)])
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(RowBatch(logs: [rows]), origin: Origin(low: 1, high: 1), firstSequence: 1)
    var encoder = try LokiPushEncoder()
    _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LokiLabelTexts())
    #expect(encoder.message == Self.field(1, Self.labels + Self.field(2, entry)))
  }

  @Test func linesKeepTheirBytes() throws {
    let message = Self.field(1, Self.labels + Self.field(2, Self.field(2, [0xFF, 0, 0xC3])))
    #expect(try LokiPushDecoder.decode(message).streams[0].entries[0].line == [0xFF, 0, 0xC3])
  }

  @Test func aTimeOutOfReachLeavesItsEntryOut() throws {
    let far = Self.field(1, [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
    let push = try LokiPushDecoder.decode(Self.field(1, Self.labels + Self.field(2, far) + Self.field(2, [])))
    #expect(push.streams[0].entriesOutOfReach == 1)
    #expect(push.streams[0].entries == [LogEntry(timestamp: UnixNanoseconds(0), line: [])])
  }

  @Test func nanosecondsPastASecondAreRefused() {
    let time = Self.field(1, [0x10, 0x80, 0x94, 0xEB, 0xDC, 0x03])
    #expect(throws: WireError.self) { try LokiPushDecoder.decode(Self.field(1, Self.field(2, time))) }
  }

  @Test func aMessageIsRefusedPastItsLimits() throws {
    var limits = LokiPushLimits()
    limits.streams = 2
    limits.entries = 3
    limits.labels = 1
    let entry = Self.field(2, Self.field(3, []))
    func kind(_ message: [UInt8]) -> WireError.Kind? {
      do throws(WireError) {
        _ = try LokiPushDecoder.decode(message, limits)
        return nil
      } catch { return error.kind }
    }
    #expect(kind(Self.field(1, []) + Self.field(1, [])) == nil)
    #expect(kind(Self.field(1, []) + Self.field(1, []) + Self.field(1, [])) == .tooLarge)
    #expect(kind(Self.field(1, entry)) == nil)
    #expect(kind(Self.field(1, entry + entry)) == .tooLarge)
    let empty = Self.field(2, [])
    #expect(kind(Self.field(1, empty + empty + empty)) == nil)
    #expect(kind(Self.field(1, empty + empty) + Self.field(1, empty + empty)) == .tooLarge)
    limits.messageBytes = 5
    #expect(kind([0x0a, 4, 0x0a, 2, 0, 0]) == .tooLarge)
  }

  @Test func everyShorterMessageIsRefusedOrRead() throws {
    let entry = Self.field(1, [0x08, 0xac, 0x02]) + Self.field(2, Array("hello".utf8))
    let message = Self.field(1, Self.labels + Self.field(2, entry))
    for count in 1..<message.count {
      #expect(throws: WireError.self) { try LokiPushDecoder.decode(Array(message[..<count])) }
    }
  }

  @Test func emptyEntriesDoNotMultiplyInMemory() {
    for (count, isTaken) in [(1000, true), (3000, false)] {
      let entries = Array(repeating: [0x12, 0] as [UInt8], count: count).flatMap { $0 }
      let message = [0x0A, UInt8(entries.count & 0x7F | 0x80), UInt8(entries.count >> 7)] + entries
      #expect(((try? LokiPushDecoder.decode(message)) != nil) == isTaken)
    }
  }
}
