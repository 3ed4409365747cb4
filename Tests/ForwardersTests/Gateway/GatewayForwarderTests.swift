import Codec
import GRPCCore
import HTTP
import Model
import Synchronization
import Testing
import Wire

@testable import Forwarders

@Suite(.timeLimit(.minutes(1))) struct GatewayForwarderTests {
  static func forwarder(
    _ addresses: [String], timeout: Duration = .seconds(30), failoverAfter: Duration = .seconds(30),
    limits: DeliveryExchange.Limits = .init(), change: (inout GatewayConfiguration) -> Void = { _ in },
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) throws -> GatewayForwarder {
    var configuration = GatewayConfiguration(
      addresses: try addresses.map { try #require(GatewayAddress($0, defaultPort: 1)) })
    configuration.timeout = timeout
    configuration.failoverAfter = failoverAfter
    configuration.identity = "test"
    change(&configuration)
    return GatewayForwarder(configuration, userAgent: "Clymene/0", limits: limits, now: now)
  }

  /// Blocks of one row each.
  static func delivery(_ rows: ClosedRange<UInt64>, generation: UInt64 = 0, parts: Bool = false) throws -> Delivery {
    Delivery(
      blocks: try rows.flatMap { try SampleBlocks.delivery($0...$0).blocks }, generation: generation,
      mayHoldPartsOfRows: parts)
  }

  static let oneByOne = DeliveryExchange.Limits(requestBytes: 1)

  @Test func `Blocks arrive as they are, the table once, over one stream`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder([gateway.address])
    var sent: [[UInt8]] = []
    for row in stride(from: UInt64(1), to: 30, by: 3) {
      let delivery = try Self.delivery(row...row + 2)
      sent += delivery.blocks.map(\.block.bytes)
      let answer = await forwarder.deliver(delivery)
      #expect(answer.outcome == .delivered && !answer.mayHaveArrived && answer.sentBytes > 0)
    }
    #expect(gateway.seen.stored == sent)
    #expect(gateway.seen.requests.flatMap(\.tables).count == 1)
    #expect(!gateway.seen.requests.contains { !$0.isFirst })
    #expect(gateway.seen.headers.count == 1)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Several requests are under way at once, in order`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder([gateway.address], limits: Self.oneByOne)
    let delivery = try Self.delivery(1...50)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(gateway.seen.stored == delivery.blocks.map(\.block.bytes))
    #expect(gateway.seen.requests.map(\.isFirst) == [true] + Array(repeating: false, count: 49))
    #expect(await forwarder.deliver(delivery).outcome == .alreadyThere)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Tables that the gateway forgot are sent again within the delivery`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder([gateway.address], limits: Self.oneByOne)
    #expect(try await forwarder.deliver(Self.delivery(1...2)).outcome == .delivered)
    gateway.mind.seen.withLock { $0.tables = [] }
    let delivery = try Self.delivery(3...5)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(gateway.seen.stored.suffix(3) == delivery.blocks.map(\.block.bytes)[...])
    #expect(gateway.seen.requests.flatMap(\.tables).count == 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `A refused block is told, and what was acknowledged beside it is not sent again`() async throws {
    let delivery = try Self.delivery(1...4)
    let bad = delivery.blocks[2].block.bytes
    let gateway = try await StandInGateway(verdict: { bytes, _ in
      bytes == bad ? BlockAnswer(.refused, reason: "ranges and rows disagree") : nil
    })
    let forwarder = try Self.forwarder([gateway.address])
    #expect(await forwarder.deliver(delivery).outcome == .refused(reason: "ranges and rows disagree"))
    #expect(gateway.seen.stored.count == 3)
    // As the lane halves it.
    let first = Delivery(blocks: Array(delivery.blocks[..<2]), generation: 0)
    let second = Delivery(blocks: Array(delivery.blocks[2...]), generation: 0)
    let answer = await forwarder.deliver(first)
    #expect(answer.outcome == .delivered && answer.sentBytes == 0 && !answer.isFromDestination)
    #expect(await forwarder.deliver(second).outcome == .refused(reason: "ranges and rows disagree"))
    #expect(gateway.seen.requests.last?.blocks == [bad])
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Full is a retry after the gateway's pause, and then only the rest is sent`() async throws {
    let delivery = try Self.delivery(1...4)
    let third = delivery.blocks[2].block.bytes
    let isFull = Mutex(true)
    let gateway = try await StandInGateway(verdict: { bytes, _ in
      bytes == third && isFull.withLock { $0 } ? BlockAnswer(.full) : nil
    })
    let forwarder = try Self.forwarder([gateway.address])
    let answer = await forwarder.deliver(delivery)
    #expect(answer.outcome == .retry(reason: "the gateway has no room", after: .milliseconds(1500)))
    #expect(answer.mayHaveArrived)
    isFull.withLock { $0 = false }
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(gateway.seen.requests.last?.blocks == delivery.blocks[2...].map(\.block.bytes))
    #expect(gateway.seen.stored == delivery.blocks.map(\.block.bytes))
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `In a new generation everything is sent again`() async throws {
    let isFull = Mutex(true)
    let delivery = try Self.delivery(1...2)
    let second = delivery.blocks[1].block.bytes
    let gateway = try await StandInGateway(verdict: { bytes, _ in
      bytes == second && isFull.withLock { $0 } ? BlockAnswer(.failed, reason: "disk") : nil
    })
    let forwarder = try Self.forwarder([gateway.address])
    #expect(
      await forwarder.deliver(delivery).outcome
        == .retry(reason: "the gateway could not store it: disk", after: nil))
    isFull.withLock { $0 = false }
    _ = await forwarder.deliver(try Self.delivery(1...2, generation: 1))
    #expect(gateway.seen.requests.last?.blocks.count == 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `A lost answer is a retry in doubt, and the repeat is already there`() async throws {
    let gateway = try await StandInGateway(reaction: { number, _ in number == 1 ? .storeSilently : .answer })
    let forwarder = try Self.forwarder([gateway.address], timeout: .seconds(5))
    let delivery = try Self.delivery(1...2)
    let answer = await forwarder.deliver(delivery)
    guard case .retry(let reason, nil) = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(reason.contains("no answer from \(gateway.address) within"))
    #expect(answer.mayHaveArrived && answer.sentBytes > 0)
    #expect(await forwarder.deliver(delivery).outcome == .alreadyThere)
    #expect(gateway.seen.stored.count == 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `A stream that breaks in the middle loses nothing and repeats nothing acknowledged`() async throws {
    let gateway = try await StandInGateway(reaction: { number, _ in
      number == 3 ? .end(RPCError(code: .unavailable, message: "going away"), storing: true) : .answer
    })
    let limits = DeliveryExchange.Limits(requestBytes: 1, windowRequests: 1)
    let forwarder = try Self.forwarder([gateway.address], limits: limits)
    let delivery = try Self.delivery(1...5)
    let answer = await forwarder.deliver(delivery)
    guard case .retry = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(answer.mayHaveArrived)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(gateway.seen.stored == delivery.blocks.map(\.block.bytes))
    #expect(gateway.seen.requests.flatMap(\.blocks).count == 6)
    // A new connection has the table once more.
    #expect(gateway.seen.requests.flatMap(\.tables).count == 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test(arguments: [
    (RPCError.Code.invalidArgument, "no", "refused"), (.resourceExhausted, "busy", "retry"),
    (.resourceExhausted, "grpc: received message larger than max (5 vs. 4)", "tooLarge"),
    (.resourceExhausted, "the message has 5 bytes, at most 4; less at once may be taken", "tooLarge"),
    (.permissionDenied, "no", "misconfigured"), (.unimplemented, "no", "misconfigured"), (.unknown, "no", "retry"),
    (.internalError, "no", "retry"), (.deadlineExceeded, "no", "retry"),
  ])
  func `A status that ends the stream has its meaning`(
    code: RPCError.Code, message: String, wanted: String
  ) async throws {
    let gateway = try await StandInGateway(reaction: { _, _ in
      .end(RPCError(code: code, message: message), storing: false)
    })
    let forwarder = try Self.forwarder([gateway.address])
    let outcome = await forwarder.deliver(try Self.delivery(1...1)).outcome
    #expect("\(outcome)".hasPrefix(wanted), "\(outcome)")
    #expect("\(outcome)".contains(message))
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Parts of rows are said to be such`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder([gateway.address])
    _ = await forwarder.deliver(try Self.delivery(1...1, parts: true))
    _ = await forwarder.deliver(try Self.delivery(2...2))
    #expect(gateway.seen.requests.map(\.renumbers) == [true, false])
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `An answer that breaks the rules is a retry on a new connection`() async throws {
    let gateway = try await StandInGateway(reaction: { number, request in
      number == 1 ? .say(DeliverResponse(id: request.id + 1, answers: [.init(.stored)])) : .answer
    })
    let forwarder = try Self.forwarder([gateway.address])
    let answer = await forwarder.deliver(try Self.delivery(1...1))
    guard case .retry(let reason, _) = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(reason.contains("does not answer as a gateway does"))
    #expect(try await forwarder.deliver(Self.delivery(1...1)).outcome == .delivered)
    #expect(gateway.seen.headers.count == 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `A gateway that answers without being asked does not fill the memory`() async throws {
    let gateway = try await StandInGateway(reaction: { number, request in
      number == 1 ? .flood(DeliverResponse(id: request.id, answers: [.init(.stored)])) : .answer
    })
    let forwarder = try Self.forwarder([gateway.address])
    _ = await forwarder.deliver(try Self.delivery(1...1))
    var outcome = Outcome.delivered
    for row in UInt64(2)...4 {
      try await Task.sleep(for: .milliseconds(50))
      outcome = await forwarder.deliver(try Self.delivery(row...row)).outcome
    }
    #expect(outcome == .delivered)
    #expect(gateway.seen.headers.count >= 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Nobody listens: a retry that cannot have arrived, and the next address the next time`() async throws {
    let gateway = try await StandInGateway()
    let closed = "127.0.0.1:\(try ReceivingServer.closedPort())"
    let only = try Self.forwarder([closed])
    let answer = await only.deliver(try Self.delivery(1...1))
    #expect(answer.outcome == .retry(reason: "connection refused by \(closed)", after: nil))
    #expect(!answer.mayHaveArrived && answer.sentBytes == 0)
    await only.close()
    for identity in ["a", "b", "c", "d", "e", "f"] {
      let both = try Self.forwarder([closed, gateway.address], change: { $0.identity = identity })
      let first = await both.deliver(try Self.delivery(1...1)).outcome
      if case .retry = first {
        let second = await both.deliver(try Self.delivery(1...1)).outcome
        #expect(second == .delivered || second == .alreadyThere)
      }
      await both.close()
    }
    await gateway.stop()
  }

  @Test func `What is in doubt goes to the same gateway until its time is over, then to the other`() async throws {
    let seconds = Mutex(0)
    let start = ContinuousClock.now
    let broken = StandInGateway.Reaction.end(RPCError(code: .unavailable, message: "going away"), storing: true)
    let gateways = [
      try await StandInGateway(reaction: { _, _ in broken }), try await StandInGateway(reaction: { _, _ in broken }),
    ]
    let forwarder = try Self.forwarder(gateways.map(\.address), now: { start + .seconds(seconds.withLock { $0 }) })
    let delivery = try Self.delivery(1...1)
    for _ in 0..<3 { _ = await forwarder.deliver(delivery) }
    #expect(gateways.map { $0.seen.requests.count }.sorted() == [0, 3])
    seconds.withLock { $0 = 31 }
    _ = await forwarder.deliver(delivery)
    #expect(gateways.map { $0.seen.requests.count }.sorted() == [1, 3])
    await forwarder.close()
    for gateway in gateways { await gateway.stop() }
  }

  @Test func `A gateway that comes back at its address is found again, with its tables`() async throws {
    let first = try await StandInGateway()
    let forwarder = try Self.forwarder([first.address])
    #expect(try await forwarder.deliver(Self.delivery(1...1)).outcome == .delivered)
    await first.stop()
    let away = await forwarder.deliver(try Self.delivery(2...2))
    guard case .retry = away.outcome else { return #expect(Bool(false), "\(away)") }
    let second = try await StandInGateway(port: first.port)
    var outcome = away.outcome
    for _ in 0..<3 where outcome != .delivered { outcome = await forwarder.deliver(try Self.delivery(2...2)).outcome }
    #expect(outcome == .delivered && second.seen.stored.count == 1)
    await forwarder.close()
    await second.stop()
  }

  @Test func `A server that accepts and says nothing is a retry that cannot have arrived`() async throws {
    let server = try ReceivingServer { $0.waitForClose() }
    let forwarder = try Self.forwarder([server.address], timeout: .milliseconds(300))
    let answer = await forwarder.deliver(try Self.delivery(1...1))
    guard case .retry = answer.outcome else { return #expect(Bool(false), "\(answer)") }
    #expect(!answer.mayHaveArrived && answer.sentBytes == 0)
    await forwarder.close()
  }

  @Test func `A server that dies, or speaks something else, is a retry`() async throws {
    for server in [
      try ReceivingServer { $0.reset() }, try ReceivingServer { $0.write("HTTP/1.1 400 Bad Request\r\n\r\n") },
    ] {
      let forwarder = try Self.forwarder([server.address], timeout: .seconds(2))
      let answer = await forwarder.deliver(try Self.delivery(1...1))
      guard case .retry = answer.outcome else { return #expect(Bool(false), "\(answer)") }
      #expect(!answer.mayHaveArrived)
      await forwarder.close()
    }
  }

  @Test func `A delivery that is given up ends at once`() async throws {
    let gateway = try await StandInGateway(reaction: { _, _ in .hang })
    let forwarder = try Self.forwarder([gateway.address], timeout: .seconds(50))
    let delivery = try Self.delivery(1...1)
    let task = Task { await forwarder.deliver(delivery) }
    while gateway.seen.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    let start = ContinuousClock.now
    task.cancel()
    guard case .retry = await task.value.outcome else { return #expect(Bool(false)) }
    #expect(ContinuousClock.now - start < .seconds(5))
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `A name with several addresses is several gateways`() async throws {
    let gateway = try await StandInGateway()
    let configuration = GatewayConfiguration(addresses: [.dns(host: "gateways.test", port: gateway.port)])
    let lookups = Mutex(0)
    let forwarder = GatewayForwarder(
      configuration, userAgent: "Clymene/0", limits: .init(),
      lookUp: { host throws(HTTPError) in
        lookups.withLock { $0 += 1 }
        guard host == "gateways.test" else { throw HTTPError(.nameNotFound, host) }
        // Of a network of its own, all of which is this machine.
        return ["127.0.0.1", "127.0.0.9"]
      })
    var outcomes: [Outcome] = []
    for row in UInt64(1)...3 { outcomes.append(await forwarder.deliver(try Self.delivery(row...row)).outcome) }
    #expect(outcomes.suffix(2) == [.delivered, .delivered], "\(outcomes)")
    #expect(lookups.withLock { $0 } <= 2)
    await forwarder.close()
    await gateway.stop()
  }

  @Test func `Nothing grows with the number of deliveries`() async throws {
    let gateway = try await StandInGateway()
    let forwarder = try Self.forwarder([gateway.address])
    for row in UInt64(1)...500 { _ = await forwarder.deliver(try Self.delivery(row...row)) }
    for row in UInt64(1)...50 { _ = await forwarder.deliver(try Self.delivery(row...row)) }
    // The one table.
    #expect(await forwarder.rememberedCount == 1)
    await forwarder.close()
    await gateway.stop()
  }
}
