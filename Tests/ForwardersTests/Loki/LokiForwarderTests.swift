import Codec
import Foundation
import HTTP
import Model
import Testing
import Wire

@testable import Forwarders

/// Log rows for tests.
enum SampleLogs {
  static func delivery(
    _ entries: [(stream: UInt32, seconds: Int64, line: String)], tenant: Tenant = .default, source: UInt64 = 7,
    metadata: [Label] = [], shard: Shard? = nil
  ) throws -> Delivery {
    let table = try SeriesTable(
      encoding: [Series(Labels([Label("job", "a")])), Series(Labels([Label("job", "b")]))], signal: .logs)
    let rows = LogRows(
      source: source, tables: [table],
      entries: entries.map {
        .init(
          stream: $0.stream,
          entry: LogEntry(
            timestamp: UnixNanoseconds($0.seconds * 1_000_000_000), line: Array($0.line.utf8),
            structuredMetadata: metadata))
      })
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(
      RowBatch(tenant: tenant, logs: [rows]), origin: Origin(low: 1, high: 2), firstSequence: 1)
    return Delivery(blocks: blocks, generation: 0, shard: shard)
  }

  static func some(_ tenant: Tenant = .default) throws -> Delivery {
    try delivery([(0, 1, "x"), (1, 2, "y"), (0, 3, "z")], tenant: tenant)
  }
}

/// One forwarder, one delivery, and Loki as it should be and in every mood.
@Suite struct LokiForwarderTests {
  private static func deliver(
    _ server: ReceivingServer, _ delivery: Delivery? = nil, _ change: (inout LokiConfiguration) -> Void = { _ in }
  ) async throws -> Answer {
    var configuration = LokiConfiguration(url: "http://\(server.address)/loki/api/v1/push")
    change(&configuration)
    let forwarder = try LokiForwarder(configuration, userAgent: "Clymene/test")
    let answer = await forwarder.deliver(try delivery ?? SampleLogs.some())
    await forwarder.close()
    return answer
  }

  private static func isRetry(_ answer: Answer, after: Duration? = nil) -> Bool {
    guard case .retry(_, let got) = answer.outcome else { return false }
    return got == after
  }

  @Test func arrivesWithTheHeadersOfTheProtocolAndEveryEntryInOrder() async throws {
    let loki = LokiReceiver()
    let server = try ReceivingServer.being(loki)
    let answer = try await Self.deliver(server)
    #expect(answer.outcome == .delivered && answer.status == 204)
    let request = try #require(server.requests.first)
    #expect(answer.sentBytes == request.body.count)
    #expect(request.head.hasPrefix("POST /loki/api/v1/push HTTP/1.1\r\n"))
    #expect(request.header("content-type") == "application/x-protobuf")
    #expect(request.header("content-encoding") == nil)
    #expect(request.header("user-agent") == "Clymene/test")
    #expect(request.header("x-scope-orgid") == nil && request.header("authorization") == nil)
    #expect(loki.lines == [#" {job="a"}"#: ["x", "z"], #" {job="b"}"#: ["y"]])
    #expect(loki.entries[#" {job="b"}"#]?.first?.timestamp == UnixNanoseconds(2_000_000_000))
  }

  @Test func aRepeatIsTheSameBytesAndHarmsNothing() async throws {
    let loki = LokiReceiver()
    let server = try ReceivingServer.being(loki)
    for _ in 0..<3 { #expect(try await Self.deliver(server).outcome == .delivered) }
    #expect(Set(server.requests.map(\.body)).count == 1 && server.requests.count == 3)
    #expect(loki.lines == [#" {job="a"}"#: ["x", "z"], #" {job="b"}"#: ["y"]])
  }

  @Test func theTenantIsThatOfTheRowsElseTheOneOfTheSettings() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let tenant = try #require(Tenant("shop-7"))
    _ = try await Self.deliver(server, try SampleLogs.some(tenant))
    _ = try await Self.deliver(server, try SampleLogs.some(tenant)) { $0.tenantID = "fixed" }
    _ = try await Self.deliver(server, try SampleLogs.some()) { $0.tenantID = "fixed" }
    _ = try await Self.deliver(server, try SampleLogs.some())
    #expect(server.requests.map { $0.header("x-scope-orgid") } == ["shop-7", "shop-7", "fixed", nil])
    _ = try await Self.deliver(server, try SampleLogs.some(tenant)) { $0.tenantHeader = "X-Other" }
    #expect(server.requests.last?.header("x-other") == "shop-7")
    #expect(server.requests.last?.header("x-scope-orgid") == nil)
  }

  @Test func aTenantThatIsNoHeaderValueIsRefused() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let answer = try await Self.deliver(server, try SampleLogs.some(try #require(Tenant("a\r\nX-Evil: 1"))))
    guard case .refused = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(server.connections == 0)
  }

  @Test func structuredMetadataIsSentUnlessItIsNotWanted() async throws {
    let metadata = [Label("trace", "1"), Label("trace", "2")]
    for isWanted in [true, false] {
      let loki = LokiReceiver()
      let server = try ReceivingServer.being(loki)
      _ = try await Self.deliver(server, try SampleLogs.delivery([(0, 1, "x")], metadata: metadata)) {
        $0.sendsStructuredMetadata = isWanted
      }
      #expect(loki.entries[#" {job="a"}"#]?.map(\.structuredMetadata) == [isWanted ? metadata : []])
    }
  }

  @Test func sendsHeadersAndCredentials() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    _ = try await Self.deliver(server) {
      $0.http.headers = [.init(name: "X-Site", values: ["shop-7"])]
      $0.http.authentication = .basic(username: .text("Aladdin"), password: .text("open sesame"))
    }
    #expect(server.requests.first?.header("x-site") == "shop-7")
    #expect(server.requests.first?.header("authorization") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
  }

  @Test func metricsAreAMatterOfSettings() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let answer = try await Self.deliver(server, try SampleBlocks.delivery(1...3))
    guard case .misconfigured(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("metrics") && server.connections == 0)
  }

  @Test func aShardWithoutEntriesIsDeliveredWithoutARequest() async throws {
    let server = try ReceivingServer.answering("500 No")
    let other = try #require((0..<4).map { Shard(index: $0, of: 4) }.first { !$0.holds(source: 7) })
    #expect(try await Self.deliver(server, try SampleLogs.delivery([(0, 1, "x")], shard: other)) == .nothingToSend)
    #expect(server.connections == 0)
  }

  @Test func aBlockThatCannotBeReadIsRefused() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let blocks = try SampleLogs.some().blocks.map { TabledBlock(block: $0.block, tables: []) }
    let answer = try await Self.deliver(server, Delivery(blocks: blocks, generation: 0))
    guard case .refused(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("is not at hand") && server.connections == 0)
  }

  @Test func whatTheServerRepeatsOfSecretsIsHidden() async throws {
    let server = try ReceivingServer.answering("401 No", "no access with tok-from-settings")
    let answer = try await Self.deliver(server) {
      $0.http.authentication = .credentials(type: "Bearer", .text("tok-from-settings"))
    }
    guard case .misconfigured(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.hasSuffix("no access with <secret>"), "\(reason)")
  }

  // MARK: entries that Loki does not want

  @Test func aLineThatIsTooLongIsRefusedWhileTheOthersAreStored() async throws {
    let loki = LokiReceiver()
    let server = try ReceivingServer.being(loki)
    let long = String(repeating: "x", count: 1001)
    let answer = try await Self.deliver(server, try SampleLogs.delivery([(0, 1, "x"), (0, 2, long), (1, 3, "y")]))
    guard case .refused(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("max entry size '1000' bytes exceeded"))
    #expect(loki.lines == [#" {job="a"}"#: ["x"], #" {job="b"}"#: ["y"]])
    // The lane sends the halves, so the good ones come again.
    #expect(try await Self.deliver(server, try SampleLogs.delivery([(0, 1, "x")])).outcome == .delivered)
    #expect(loki.lines[#" {job="a"}"#] == ["x"])
  }

  @Test func anEntryBehindTheNewestIsAConflictAndOneTooOldARefusal() async throws {
    var limits = LokiReceiver.Limits()
    limits.oldest = 1_000_000_000_000
    let loki = LokiReceiver(limits)
    let server = try ReceivingServer.being(loki)
    _ = try await Self.deliver(server, try SampleLogs.delivery([(0, 90_000, "newest")]))
    let behind = try await Self.deliver(server, try SampleLogs.delivery([(0, 2000, "x")]))
    guard case .conflict = behind.outcome else {
      Issue.record("\(behind)")
      return
    }
    let old = try await Self.deliver(server, try SampleLogs.delivery([(0, 1, "x")]))
    guard case .refused(let reason) = old.outcome else {
      Issue.record("\(old)")
      return
    }
    #expect(reason.contains("timestamp too old"))
  }

  @Test func aMessageThatIsTooLargeIsSaidSo() async throws {
    var limits = LokiReceiver.Limits()
    limits.messageBytes = 100
    let server = try ReceivingServer.being(LokiReceiver(limits))
    let answer = try await Self.deliver(server, try SampleLogs.delivery([(0, 1, String(repeating: "x", count: 200))]))
    guard case .tooLarge = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
  }

  @Test func aTenantThatLokiDoesNotKnowIsAMatterOfSettings() async throws {
    var limits = LokiReceiver.Limits()
    limits.tenants = ["shop-7"]
    let server = try ReceivingServer.being(LokiReceiver(limits))
    guard case .misconfigured = try await Self.deliver(server).outcome else {
      Issue.record("not misconfigured")
      return
    }
    #expect(try await Self.deliver(server) { $0.tenantID = "shop-7" }.outcome == .delivered)
  }

  // MARK: a server that misbehaves

  @Test func aBusyServerIsTriedAgainAfterThePauseThatItAsksFor() async throws {
    let busy = try ReceivingServer.answering("429 Too Many Requests", "slow", headers: "Retry-After: 7\r\n")
    let limited = try await Self.deliver(busy)
    #expect(Self.isRetry(limited, after: .seconds(7)) && !limited.mayHaveArrived)
    let failing = try await Self.deliver(try ReceivingServer.answering("500 Internal Server Error", "disk"))
    #expect(Self.isRetry(failing) && failing.mayHaveArrived)
  }

  @Test func aServerThatTakesTheBodyAndHangsMayHaveTheEntries() async throws {
    let server = try ReceivingServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let answer = try await Self.deliver(server) { $0.timeout = .milliseconds(500) }
    #expect(Self.isRetry(answer) && answer.mayHaveArrived && answer.sentBytes > 0)
  }

  @Test func whereNobodyListensNothingHasArrived() async throws {
    let configuration = LokiConfiguration(url: "http://127.0.0.1:\(try ReceivingServer.closedPort())/w")
    let forwarder = try LokiForwarder(configuration, userAgent: "Clymene/test")
    let answer = await forwarder.deliver(try SampleLogs.some())
    await forwarder.close()
    #expect(Self.isRetry(answer) && !answer.mayHaveArrived && answer.sentBytes == 0)
  }
}
