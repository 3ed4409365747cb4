import Codec
import Model
import Testing
import Wire

@testable import Forwarders

@Suite struct DeliveryExchangeTests {
  /// So many blocks of one row each over the same table.
  private static func delivery(_ count: UInt64) throws -> Delivery {
    Delivery(blocks: try (1...count).flatMap { try SampleBlocks.delivery($0...$0).blocks }, generation: 0)
  }

  private static func exchange(_ delivery: Delivery, _ limits: DeliveryExchange.Limits = small) -> DeliveryExchange {
    DeliveryExchange(delivery, limits: limits) { _ in false }
  }

  /// One block a request, three requests under way.
  private static let small = DeliveryExchange.Limits(requestBytes: 1, windowBytes: 1 << 20, windowRequests: 3)

  private static func respond(_ request: DeliverRequest, _ answer: BlockAnswer) -> DeliverResponse {
    DeliverResponse(id: request.id, answers: request.blocks.map { _ in answer })
  }

  @Test func `Requests go ahead of their answers as far as the window, and the table goes along once`() throws {
    let delivery = try Self.delivery(5)
    var exchange = Self.exchange(delivery)
    var tables = SentTables()
    let first = try #require(exchange.request(id: 1, &tables))
    let second = try #require(exchange.request(id: 2, &tables))
    let third = try #require(exchange.request(id: 3, &tables))
    let none = exchange.request(id: 4, &tables)
    #expect(none == nil)
    #expect(first.isFirst && !second.isFirst && !third.isFirst)
    #expect(first.tables.count == 1 && second.tables.isEmpty)
    try exchange.take(Self.respond(first, .init(.stored)), &tables)
    let fourth = try #require(exchange.request(id: 4, &tables))
    #expect(fourth.blocks == [delivery.blocks[3].block.bytes])
    for request in [second, third, fourth] { try exchange.take(Self.respond(request, .init(.stored)), &tables) }
    let fifth = try #require(exchange.request(id: 5, &tables))
    try exchange.take(Self.respond(fifth, .init(.alreadyHeld)), &tables)
    let none2 = exchange.request(id: 6, &tables)
    #expect(none2 == nil && !exchange.isUnderWay)
    #expect(exchange.outcome == .delivered && exchange.there.count == 5)
  }

  @Test func `Blocks go together up to the size of a request, and the bytes under way are bounded`() throws {
    let delivery = try Self.delivery(40)
    let bytes = delivery.blocks[0].block.bytes.count
    var exchange = Self.exchange(
      delivery, .init(requestBytes: bytes * 10 + 64, windowBytes: bytes * 25, windowRequests: 16))
    var tables = SentTables()
    _ = tables.take(delivery.blocks[0].tables[0].name)
    var counts: [Int] = []
    while let request = exchange.request(id: UInt64(counts.count), &tables) { counts.append(request.blocks.count) }
    #expect(counts == [10, 10, 10])
  }

  @Test func `Without a table the blocks from there on are sent again with it, after everything has an answer`() throws
  {
    let delivery = try Self.delivery(3)
    let name = delivery.blocks[0].tables[0].name
    var exchange = Self.exchange(delivery)
    var tables = SentTables()
    _ = tables.take(name)
    var requests: [DeliverRequest] = []
    while let request = exchange.request(id: UInt64(requests.count), &tables) { requests.append(request) }
    #expect(requests.map(\.tables.count) == [0, 0, 0])
    try exchange.take(Self.respond(requests[0], .init(.stored)), &tables)
    try exchange.take(Self.respond(requests[1], .init(.missingTables, missingTables: [name])), &tables)
    let none = exchange.request(id: 3, &tables)
    #expect(none == nil)
    try exchange.take(Self.respond(requests[2], .init(.skipped)), &tables)
    let again = try #require(exchange.request(id: 3, &tables))
    #expect(again.isFirst && again.tables.count == 1 && again.blocks == [delivery.blocks[1].block.bytes])
    let last = try #require(exchange.request(id: 4, &tables))
    #expect(!last.isFirst && last.tables.isEmpty)
    try exchange.take(Self.respond(again, .init(.stored)), &tables)
    try exchange.take(Self.respond(last, .init(.stored)), &tables)
    #expect(exchange.outcome == .delivered)
  }

  @Test func `A gateway that never has the table is not asked for ever`() throws {
    let delivery = try Self.delivery(1)
    var exchange = Self.exchange(delivery)
    var tables = SentTables()
    var sent = 0
    while let request = exchange.request(id: 7, &tables) {
      sent += 1
      #expect(request.tables.count == 1)
      let missing = BlockAnswer(.missingTables, missingTables: delivery.blocks[0].block.header.tables)
      try exchange.take(Self.respond(request, missing), &tables)
    }
    #expect(sent == 3)
    guard case .retry = exchange.outcome else { return #expect(Bool(false), "\(exchange.outcome)") }
  }

  @Test func `Full ends with a retry after the gateway's pause, and keeps what is there`() throws {
    let delivery = try Self.delivery(3)
    var exchange = Self.exchange(delivery)
    var tables = SentTables()
    var requests: [DeliverRequest] = []
    while let request = exchange.request(id: UInt64(requests.count), &tables) { requests.append(request) }
    try exchange.take(Self.respond(requests[0], .init(.partlyHeld)), &tables)
    var full = Self.respond(requests[1], .init(.full, reason: "disk"))
    full.retryAfterMilliseconds = 1500
    try exchange.take(full, &tables)
    try exchange.take(Self.respond(requests[2], .init(.skipped)), &tables)
    let none = exchange.request(id: 9, &tables)
    #expect(none == nil)
    #expect(exchange.outcome == .retry(reason: "the gateway has no room: disk", after: .milliseconds(1500)))
    #expect(exchange.there == [AcknowledgedBlocks.Key(delivery.blocks[0].block)])
  }

  @Test func `A refusal is told when all others are settled, and a retry comes before it`() throws {
    let delivery = try Self.delivery(3)
    for last in [BlockAnswer(.stored), BlockAnswer(.failed)] {
      var exchange = Self.exchange(delivery)
      var tables = SentTables()
      var requests: [DeliverRequest] = []
      while let request = exchange.request(id: UInt64(requests.count), &tables) { requests.append(request) }
      try exchange.take(Self.respond(requests[0], .init(.stored)), &tables)
      try exchange.take(Self.respond(requests[1], .init(.refused, reason: "bad")), &tables)
      try exchange.take(Self.respond(requests[2], last), &tables)
      if last.kind == .stored {
        #expect(exchange.outcome == .refused(reason: "bad"))
      } else {
        guard case .retry = exchange.outcome else { return #expect(Bool(false), "\(exchange.outcome)") }
      }
    }
  }

  @Test func `All held is already there`() throws {
    var exchange = Self.exchange(try Self.delivery(2), .init())
    var tables = SentTables()
    let request = try #require(exchange.request(id: 1, &tables))
    #expect(request.blocks.count == 2)
    try exchange.take(Self.respond(request, .init(.alreadyHeld)), &tables)
    #expect(exchange.outcome == .alreadyThere)
  }

  @Test func `Answers out of order, too few or too many are against the rules`() throws {
    for (id, answers) in [(UInt64(2), [BlockAnswer(.stored)]), (1, []), (1, [.init(.stored), .init(.stored)])] {
      var exchange = Self.exchange(try Self.delivery(2))
      var tables = SentTables()
      _ = exchange.request(id: 1, &tables)
      _ = exchange.request(id: 2, &tables)
      var violation: DeliveryExchange.Violation?
      do throws(DeliveryExchange.Violation) {
        try exchange.take(DeliverResponse(id: id, answers: answers), &tables)
      } catch {
        violation = error
      }
      #expect(violation != nil, "\(id)")
    }
  }

  @Test func `What is known to be there is not sent`() throws {
    let delivery = try Self.delivery(3)
    let known = AcknowledgedBlocks.Key(delivery.blocks[1].block)
    var exchange = DeliveryExchange(delivery, limits: .init()) { $0 == known }
    var tables = SentTables()
    let request = exchange.request(id: 1, &tables)
    #expect(request?.blocks == [0, 2].map { delivery.blocks[$0].block.bytes })
  }
}

@Suite struct AcknowledgedBlocksTests {
  private static func key(_ row: UInt64) throws -> AcknowledgedBlocks.Key {
    AcknowledgedBlocks.Key(try SampleBlocks.delivery(row...row).blocks[0].block)
  }

  @Test func `A new generation forgets everything`() throws {
    var blocks = AcknowledgedBlocks()
    blocks.begin(generation: 1)
    blocks.remember(try Self.key(1))
    blocks.begin(generation: 1)
    let key = try Self.key(1)
    #expect(blocks.holds(key))
    blocks.begin(generation: 2)
    #expect(!blocks.holds(key) && blocks.count == 0)
  }

  @Test func `It does not grow for ever`() throws {
    var blocks = AcknowledgedBlocks()
    for row in 1...UInt64(AcknowledgedBlocks.limit + 10) { blocks.remember(try Self.key(row)) }
    #expect(blocks.count <= AcknowledgedBlocks.limit)
    let last = try Self.key(UInt64(AcknowledgedBlocks.limit + 10))
    #expect(blocks.holds(last))
    blocks.forget([last])
    #expect(!blocks.holds(last))
  }
}

@Suite struct SentTablesTests {
  @Test func `A table is taken once, until it is forgotten or there are too many`() {
    var tables = SentTables()
    let name = TableName(low: 1, high: 0)
    func take() -> Bool { tables.take(name) }
    #expect(take())
    #expect(!take())
    tables.forget([name])
    #expect(take())
    for low in 2...UInt64(SentTables.limit + 1) { _ = tables.take(TableName(low: low, high: 0)) }
    #expect(tables.count <= SentTables.limit)
    #expect(take())
  }
}
