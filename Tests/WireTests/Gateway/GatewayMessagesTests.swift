import Codec
import Testing

@testable import Wire

@Suite struct GatewayMessagesTests {
  private static let name = TableName(low: 0x0807_0605_0403_0201, high: 0x100f_0e0d_0c0b_0a09)

  @Test func `A request is the bytes that protobuf makes of it`() throws {
    let request = DeliverRequest(id: 300, isFirst: true, renumbers: true, tables: [[1, 2]], blocks: [[3], []])
    let bytes: [UInt8] = [
      0x08, 0xac, 0x02, 0x10, 0x01, 0x18, 0x01, 0x22, 0x02, 1, 2, 0x2a, 0x01, 3, 0x2a, 0x00,
    ]
    #expect(request.encoded() == bytes)
    #expect(try DeliverRequest(decoding: bytes) == request)
  }

  @Test func `What has its default value is left out`() throws {
    #expect(DeliverRequest(id: 0, isFirst: false).encoded().isEmpty)
    #expect(try DeliverRequest(decoding: []) == DeliverRequest(id: 0, isFirst: false))
    #expect(DeliverResponse(id: 0, answers: []).encoded().isEmpty)
  }

  @Test func `A response is the bytes that protobuf makes of it`() throws {
    let response = DeliverResponse(
      id: 1,
      answers: [
        .init(.stored), .init(.refused, reason: "no"), .init(.partlyHeld, rowsStored: 7),
        .init(.missingTables, missingTables: [Self.name]),
      ], retryAfterMilliseconds: 5)
    let bytes: [UInt8] =
      [0x08, 0x01, 0x12, 0x02, 0x08, 0x01, 0x12, 0x06, 0x08, 0x07, 0x12, 0x02, 0x6e, 0x6f]
      + [0x12, 0x04, 0x08, 0x03, 0x18, 0x07, 0x12, 0x14, 0x08, 0x04, 0x22, 0x10] + Array(1...16) + [0x18, 0x05]
    #expect(response.encoded() == bytes)
    #expect(try DeliverResponse(decoding: bytes) == response)
  }

  @Test func `Unknown fields are passed over`() throws {
    // Field 9 in each of the four wire types.
    let unknown: [UInt8] =
      [0x48, 0x01, 0x4a, 0x02, 1, 2, 0x49] + Array(repeating: 0, count: 8) + [0x4d, 0, 0, 0, 0]
    let request = DeliverRequest(id: 3, blocks: [[9]])
    #expect(try DeliverRequest(decoding: unknown + request.encoded() + unknown) == request)
    let response = DeliverResponse(id: 3, answers: [.init(.full)])
    #expect(try DeliverResponse(decoding: unknown + response.encoded() + unknown) == response)
  }

  @Test func `A message that is cut off anywhere is refused, or a shorter one, and never traps`() {
    let messages = [
      DeliverRequest(id: 300, renumbers: true, tables: [[1, 2]], blocks: [[3], [4, 5]]).encoded(),
      DeliverResponse(id: 1, answers: [.init(.missingTables, reason: "x", missingTables: [Self.name])]).encoded(),
    ]
    for message in messages {
      for count in 0...message.count { GatewayProbe.run(Array(message[..<count])) }
      for at in message.indices {
        for bit in 0..<8 {
          var changed = message
          changed[at] ^= 1 << UInt8(bit)
          GatewayProbe.run(changed)
        }
      }
    }
  }

  @Test(
    arguments: [
      // Without a kind; of a kind that nobody knows; a name of three bytes; a reason that is not UTF-8; a length past the end.
      [0x12, 0x00], [0x12, 0x02, 0x08, 0x09], [0x12, 0x07, 0x08, 0x04, 0x22, 0x03, 1, 2, 3],
      [0x12, 0x05, 0x08, 0x07, 0x12, 0x01, 0xff], [0x12, 0x7f, 0x08, 0x01],
    ] as [[UInt8]])
  func `An answer that says nothing is refused`(bytes: [UInt8]) {
    #expect(throws: WireError.self) { try DeliverResponse(decoding: bytes) }
  }

  @Test func `There is a limit to tables, blocks and answers`() {
    let empty: [[UInt8]] = Array(repeating: [], count: DeliverRequest.limitItems)
    #expect(throws: Never.self) { try DeliverRequest(decoding: DeliverRequest(id: 1, tables: empty).encoded()) }
    for request in [DeliverRequest(id: 1, tables: empty + [[]]), DeliverRequest(id: 1, blocks: empty + [[]])] {
      #expect(throws: WireError.self) { try DeliverRequest(decoding: request.encoded()) }
    }
    let answers = Array(repeating: BlockAnswer(.stored), count: DeliverRequest.limitItems + 1)
    #expect(throws: WireError.self) {
      try DeliverResponse(decoding: DeliverResponse(id: 1, answers: answers).encoded())
    }
  }

  @Test func `Which answers are there and which are settled`() {
    let there = BlockAnswer.Kind.allCases.filter(\.isThere)
    let settled = BlockAnswer.Kind.allCases.filter(\.isSettled)
    #expect(there == [.stored, .alreadyHeld, .partlyHeld])
    #expect(settled == [.stored, .alreadyHeld, .partlyHeld, .refused])
  }
}
