import Codec
import Foundation
import HTTP
import Model
import Testing
import Wire

@testable import Forwarders

/// One forwarder, one delivery, and servers of every kind.
@Suite struct PrometheusForwarderTests {
  private static func deliver(
    _ server: ReceivingServer, scheme: String = "http", _ delivery: Delivery? = nil,
    _ change: (inout PrometheusConfiguration) -> Void = { _ in }
  ) async throws -> Answer {
    try await deliver("\(scheme)://\(server.address)/api/v1/write", delivery, change)
  }

  private static func deliver(
    _ url: String, _ delivery: Delivery? = nil, _ change: (inout PrometheusConfiguration) -> Void = { _ in }
  ) async throws -> Answer {
    var configuration = PrometheusConfiguration(url: url)
    change(&configuration)
    let forwarder = try PrometheusForwarder(configuration, userAgent: "Clymene/test")
    let answer = await forwarder.deliver(try delivery ?? SampleBlocks.delivery(1...3))
    await forwarder.close()
    return answer
  }

  private static func isRetry(_ answer: Answer, after: Duration? = nil) -> Bool {
    guard case .retry(_, let got) = answer.outcome else { return false }
    return got == after
  }

  @Test func arrivesWithTheHeadersOfTheProtocolAndEverySample() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let answer = try await Self.deliver(server)
    #expect(answer.outcome == .delivered)
    let request = try #require(server.requests.first)
    #expect(answer.sentBytes == request.body.count)
    #expect(request.head.hasPrefix("POST /api/v1/write HTTP/1.1\r\n"))
    #expect(request.header("content-encoding") == "snappy")
    #expect(request.header("content-type") == "application/x-protobuf")
    #expect(request.header("x-prometheus-remote-write-version") == "0.1.0")
    #expect(request.header("user-agent") == "Clymene/test")
    #expect(request.header("authorization") == nil)
    #expect(request.header("transfer-encoding") == nil)
    let message = try RemoteWriteDecoder.decode(compressed: request.body)
    #expect(message.series.map { $0.samples.map(\.value) } == [[10, 20, 30], [11, 21, 31], [12, 22, 32]])
    #expect(message.series.first?.samples.map(\.timestamp.rawValue) == [1000, 2000, 3000])
  }

  @Test func logEntriesAreAMatterOfSettings() async throws {
    let server = try ReceivingServer.answering("204 No Content")
    let answer = try await Self.deliver(server, try SampleLogs.some())
    guard case .misconfigured(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("log entries") && server.connections == 0)
  }

  @Test func sendsTheTenantWhenItIsNotTheDefaultOne() async throws {
    let server = try ReceivingServer.answering("200 OK")
    let tenant = try #require(Tenant("shop-7"))
    func send(_ tenant: Tenant, _ header: String?) async throws {
      _ = try await Self.deliver(server, try SampleBlocks.delivery(1...1, tenant: tenant)) { $0.tenantHeader = header }
    }
    try await send(tenant, "X-Scope-OrgID")
    try await send(.default, "X-Scope-OrgID")
    try await send(tenant, nil)
    #expect(server.requests.map { $0.header("x-scope-orgid") } == ["shop-7", nil, nil])
  }

  @Test func whatTheReceiverRepeatsOfSecretsFromFilesIsHidden() async throws {
    let folder = try TemporaryDirectory()
    let file = folder.path + "/token"
    try Data("tok-from-a-file\n".utf8).write(to: URL(fileURLWithPath: file))
    // Cut at its limit the text would end inside the secret.
    let text = String(repeating: "x", count: AnswerText.limitCharacters - 15) + " for tok-from-a-file"
    let server = try ReceivingServer.answering("401 No", text)
    let answer = try await Self.deliver(server) { $0.http.authentication = .credentials(type: "Bearer", .file(file)) }
    #expect(server.requests.first?.header("authorization") == "Bearer tok-from-a-file")
    guard case .misconfigured(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.hasSuffix("for <secret>"), "\(reason)")
  }

  @Test func aTenantThatIsNoHeaderValueIsRefused() async throws {
    let server = try ReceivingServer.answering("200 OK")
    let tenant = try #require(Tenant("a\r\nX-Evil: 1"))
    let answer = try await Self.deliver(server, try SampleBlocks.delivery(1...1, tenant: tenant)) {
      $0.tenantHeader = "X-Scope-OrgID"
    }
    guard case .refused = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(server.connections == 0)
  }

  @Test func sendsHeadersAndCredentials() async throws {
    let server = try ReceivingServer.answering("200 OK")
    _ = try await Self.deliver(server) {
      $0.http.headers = [.init(name: "X-Site", values: ["shop-7"])]
      $0.http.authentication = .basic(username: .text("Aladdin"), password: .text("open sesame"))
    }
    _ = try await Self.deliver(server) { $0.http.authentication = .credentials(type: "Bearer", .text("token")) }
    #expect(server.requests.map { $0.header("x-site") } == ["shop-7", nil])
    #expect(
      server.requests.map { $0.header("authorization") } == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Bearer token"])
  }

  @Test func credentialsThatCannotBeReadAreAMatterOfSettings() async throws {
    let server = try ReceivingServer.answering("200 OK")
    let answer = try await Self.deliver(server) {
      $0.http.authentication = .credentials(type: "Bearer", .file("/nonexistent/token"))
    }
    guard case .misconfigured(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("/nonexistent/token") && server.connections == 0)
  }

  @Test func aRetryIsTheSameBytes() async throws {
    let server = try ReceivingServer.answering("503 Service Unavailable")
    let forwarder = try PrometheusForwarder(.init(url: "http://\(server.address)/w"), userAgent: "Clymene/test")
    let delivery = try SampleBlocks.delivery(1...3)
    for _ in 0..<3 { #expect(Self.isRetry(await forwarder.deliver(delivery))) }
    await forwarder.close()
    #expect(server.requests.count == 3 && Set(server.requests.map(\.body)).count == 1)
  }

  @Test func aShardWithoutSamplesIsDeliveredWithoutARequest() async throws {
    let server = try ReceivingServer.answering("500 No")
    let all = try SampleBlocks.delivery(1...3)
    let other = try #require((0..<4).first { !Shard(index: $0, of: 4).holds(source: 7) })
    let answer = try await Self.deliver(
      server, Delivery(blocks: all.blocks, generation: 0, shard: Shard(index: other, of: 4)))
    #expect(answer == .nothingToSend)
    #expect(server.connections == 0)
  }

  @Test func aBlockThatCannotBeReadIsRefused() async throws {
    let server = try ReceivingServer.answering("200 OK")
    let blocks = try SampleBlocks.delivery(1...3).blocks.map { TabledBlock(block: $0.block, tables: []) }
    let answer = try await Self.deliver(server, Delivery(blocks: blocks, generation: 0))
    guard case .refused(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("is not at hand") && server.connections == 0)
  }

  @Test func severalShardsAreUnderWayAtTheSameTime() async throws {
    let server = try ReceivingServer.answering("200 OK")
    let forwarder = try PrometheusForwarder(.init(url: "http://\(server.address)/w"), userAgent: "Clymene/test")
    #expect(forwarder.shards == 4)
    let all = try SampleBlocks.delivery(1...3)
    let outcomes = await withTaskGroup(of: Outcome.self) { group in
      for index in 0..<4 {
        let part = Delivery(blocks: all.blocks, generation: 0, shard: Shard(index: index, of: 4))
        group.addTask { await forwarder.deliver(part).outcome }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    await forwarder.close()
    #expect(outcomes == [.delivered, .delivered, .delivered, .delivered])
    #expect(server.requests.count == 1)
  }

  // MARK: servers that misbehave

  @Test(
    "A busy server is tried again, after the pause that it asks for",
    arguments: [
      ("503 Service Unavailable", "", nil), ("429 Too Many Requests", "", nil),
      ("429 Too Many Requests", "Retry-After: 7\r\n", .seconds(7)),
      ("503 Service Unavailable", "retry-after: 3\r\n", .seconds(3)),
      ("429 Too Many Requests", "Retry-After: later\r\n", nil),
    ] as [(String, String, Duration?)])
  func busy(_ status: String, _ headers: String, _ after: Duration?) async throws {
    let server = try ReceivingServer.answering(status, "slow down", headers: headers)
    let answer = try await Self.deliver(server)
    #expect(Self.isRetry(answer, after: after))
    // A proxy's 503 does not say what is behind it.
    #expect(answer.mayHaveArrived == status.hasPrefix("503") && answer.sentBytes > 0)
  }

  @Test func aServerErrorMayHaveTakenTheRows() async throws {
    let answer = try await Self.deliver(try ReceivingServer.answering("500 Internal Server Error", "disk"))
    #expect(Self.isRetry(answer) && answer.mayHaveArrived)
  }

  @Test func oneSeriesThatIsRefusedIsNamed() async throws {
    // As Prometheus does it: one label that it does not like, and the whole request is refused.
    let server = try ReceivingServer { connection in
      while let request = connection.readRequest() {
        let message = try? RemoteWriteDecoder.decode(compressed: request.body)
        let bad = message?.series.first { $0.labels.contains(Label("n", "1")) }
        connection.answer(bad == nil ? "204 No Content" : "400 Bad Request", bad == nil ? "" : "invalid label n=\"1\"")
      }
    }
    let answer = try await Self.deliver(server)
    #expect(answer.outcome == .refused(reason: "HTTP 400 from \(server.address): invalid label n=\"1\""))
    #expect(!answer.mayHaveArrived)
  }

  @Test func rowsThatAreThereAreAConflict() async throws {
    let server = try ReceivingServer.answering("400 Bad Request", "out of order sample\n")
    #expect(
      try await Self.deliver(server).outcome
        == .conflict(reason: "HTTP 400 from \(server.address): out of order sample"))
  }

  @Test func aServerThatLetsNobodyInIsAMatterOfSettings() async throws {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found"] {
      let answer = try await Self.deliver(try ReceivingServer.answering(status))
      guard case .misconfigured = answer.outcome else {
        Issue.record("\(status): \(answer)")
        continue
      }
    }
  }

  @Test func tooMuchIsSaidSoEvenWhenTheServerDoesNotReadTheBody() async throws {
    let whole = try ReceivingServer.answering("413 Request Entity Too Large")
    let early = try ReceivingServer { connection in
      guard connection.readHead() != nil else { return }
      connection.answer("413 Request Entity Too Large", headers: "Connection: close\r\n")
      connection.waitForClose()
    }
    for server in [whole, early] {
      let answer = try await Self.deliver(server)
      guard case .tooLarge = answer.outcome else {
        Issue.record("\(answer)")
        continue
      }
    }
  }

  @Test(
    "A redirect that would make another request of it is not followed",
    arguments: ["301 Moved Permanently", "302 Found", "303 See Other"])
  func redirects(_ status: String) async throws {
    let other = try ReceivingServer.answering("200 OK")
    let server = try ReceivingServer.answering(status, headers: "Location: http://\(other.address)/elsewhere\r\n")
    let answer = try await Self.deliver(server)
    guard case .misconfigured(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.contains("http://\(other.address)/elsewhere") && other.connections == 0)
  }

  @Test(
    "A redirect of the request as it is is followed",
    arguments: [
      "307 Temporary Redirect", "308 Permanent Redirect",
    ])
  func redirectsOfTheSame(_ status: String) async throws {
    let other = try ReceivingServer.answering("200 OK")
    let server = try ReceivingServer.answering(status, headers: "Location: http://\(other.address)/elsewhere\r\n")
    #expect(try await Self.deliver(server).outcome == .delivered)
    #expect(other.requests.map(\.body) == server.requests.map(\.body) && other.requests.count == 1)
    #expect(other.requests.first?.head.hasPrefix("POST /elsewhere ") == true)
  }

  @Test func aServerThatTakesTheBodyAndHangsMayHaveTheRows() async throws {
    let server = try ReceivingServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let answer = try await Self.deliver(server) { $0.timeout = .milliseconds(500) }
    #expect(Self.isRetry(answer) && answer.mayHaveArrived && answer.sentBytes > 0)
  }

  @Test func halfAnAnswerIsNoAnswer() async throws {
    for half in ["HTTP/1.1 200 OK\r\nContent-Len", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"] {
      let server = try ReceivingServer { connection in
        _ = connection.readRequest()
        connection.write(half)
      }
      let answer = try await Self.deliver(server)
      #expect(Self.isRetry(answer) && answer.mayHaveArrived, "\(answer)")
    }
  }

  @Test(
    "An answer whose body is too long or cannot be decoded is an answer by its status",
    arguments: [
      ("", String(repeating: "label a=1 ", count: 200_000)), ("Content-Encoding: br\r\n", "not to be read"),
      ("Content-Encoding: gzip\r\n", "no gzip"), ("Content-Encoding: zstd\r\n", "no zstd"),
    ])
  func oddBodies(_ headers: String, _ body: String) async throws {
    let takes = try ReceivingServer.answering("200 OK", body, headers: headers)
    #expect(try await Self.deliver(takes).outcome == .delivered)
    let refuses = try ReceivingServer.answering("400 Bad Request", body, headers: headers)
    let answer = try await Self.deliver(refuses)
    guard case .refused(let reason) = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(reason.hasPrefix("HTTP 400 from \(refuses.address)") && !answer.mayHaveArrived)
    if headers.isEmpty { #expect(reason.contains(": label a=1 label a=1 ")) }
  }

  @Test func aServerThatTakesTheBodyAndClosesOrResetsMayHaveTheRows() async throws {
    for resets in [false, true] {
      let server = try ReceivingServer { connection in
        _ = connection.readRequest()
        if resets { connection.reset() }
      }
      let answer = try await Self.deliver(server)
      #expect(Self.isRetry(answer) && answer.mayHaveArrived, "\(answer)")
      #expect(server.requests.count == 1, "a POST is never sent twice")
    }
  }

  @Test func whereNobodyListensNothingHasArrived() async throws {
    let answer = try await Self.deliver("http://127.0.0.1:\(try ReceivingServer.closedPort())/w")
    #expect(Self.isRetry(answer) && !answer.mayHaveArrived && answer.sentBytes == 0)
  }

  @Test func whatIsNotHTTPIsTriedAgain() async throws {
    let server = try ReceivingServer { connection in
      _ = connection.readRequest()
      connection.write("SSH-2.0-OpenSSH_9.2\r\n\r\n")
    }
    #expect(Self.isRetry(try await Self.deliver(server)))
  }

  @Test func tlsWithAServerThatHasNoneIsAMatterOfSettings() async throws {
    let server = try ReceivingServer { connection in
      connection.answer("400 Bad Request")
      connection.waitForClose()
    }
    let answer = try await Self.deliver(server, scheme: "https")
    guard case .misconfigured = answer.outcome else {
      Issue.record("\(answer)")
      return
    }
    #expect(!answer.mayHaveArrived && answer.sentBytes == 0)
  }

  @Test func aTLSHandshakeThatIsCutOffOrHangsIsTriedAgainAndNothingHasArrived() async throws {
    let closes = try ReceivingServer { _ in }
    let resets = try ReceivingServer { connection in connection.reset() }
    let hangs = try ReceivingServer { connection in connection.waitForClose() }
    for server in [closes, resets, hangs] {
      let answer = try await Self.deliver(server, scheme: "https") { $0.timeout = .seconds(1) }
      #expect(Self.isRetry(answer) && !answer.mayHaveArrived && answer.sentBytes == 0, "\(answer)")
    }
  }

  @Test func aKeptConnectionIsUsedAgainAndOneThatTheServerClosedIsNoTrouble() async throws {
    let server = try ReceivingServer { connection in
      for _ in 0..<2 where connection.readRequest() != nil { connection.answer("200 OK") }
    }
    let forwarder = try PrometheusForwarder(.init(url: "http://\(server.address)/w"), userAgent: "Clymene/test")
    let delivery = try SampleBlocks.delivery(1...3)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(await forwarder.deliver(delivery).outcome == .delivered)
    #expect(server.connections == 1)
    // The close may cross the next request, which then is in doubt; never more than once.
    var outcomes: [Outcome] = []
    for _ in 0..<2 { outcomes.append(await forwarder.deliver(delivery).outcome) }
    await forwarder.close()
    #expect(outcomes.contains(.delivered), "\(outcomes)")
  }
}
