import Foundation
import GRPCCore
import GatewayRPC
import HTTP
import Model
import Testing
import WAL
import Wire

@testable import GatewayCollectors

@Suite("Credentials") struct CredentialsTests {
  private static func with(_ settings: inout GatewaySettings) {
    settings.senders = [
      SenderSettings(name: "a", credentials: .bearer(.text("token-a")), tenant: Tenant("shop-a")),
      SenderSettings(
        name: "b", credentials: .basic(username: .text("user"), password: .text("pass:word"))),
    ]
  }

  private static func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }

  @Test func `let those in who are listed, over HTTP and gRPC, and nobody else`() async throws {
    try await TestGateway.run(settings: .with { Self.with(&$0) }) { gateway in
      for (header, status) in [
        (nil, 401), ("Bearer wrong", 401), ("Bearer token-b", 401), ("Bearer ", 401), ("Nonsense token-a", 401),
        (Self.basic("user:wrong"), 401), ("Bearer token-a", 204), ("bearer token-a", 204),
        (Self.basic("user:pass:word"), 204),
      ] as [(String?, Int)] {
        var headers = Bodies.protobuf
        headers["Authorization"] = header
        let answer = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), headers)
        #expect(answer.status == status, "\(header ?? "none"): \(answer.text)")
      }
      let error = await #expect(throws: RPCError.self) {
        try await gateway.grpc { try await $0.call(GatewayMethods.requestMetrics, Bodies.up) }
      }
      #expect(error?.code == .unauthenticated)
      let stream = await #expect(throws: RPCError.self) { try await gateway.deliverGRPC([DeliverRequest(id: 1)]) }
      #expect(stream?.code == .unauthenticated)
      _ = try await gateway.grpc {
        try await $0.call(GatewayMethods.requestMetrics, Bodies.up, ["authorization": "Bearer token-a"])
      }
    }
  }

  @Test func `that name a tenant set it, whatever a push or a block says`() async throws {
    try await TestGateway.run(settings: .with { Self.with(&$0) }) { gateway in
      var headers = Bodies.protobuf
      headers["Authorization"] = "Bearer token-a"
      headers["X-Scope-OrgID"] = "another"
      let push = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), headers)
      #expect(push.status == 204)
      var sample = try SampleBlocks(tenant: #require(Tenant("another")))
      let block = try sample.block()
      let answers = try await gateway.deliverGRPC(
        [DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes])],
        ["authorization": "Bearer token-a"])
      #expect(answers.flatMap { $0.answers.map(\.kind) } == [.stored])
      #expect(try await Set(gateway.log.blocks().map(\.block.header.tenant.name)) == ["shop-a"])
    }
  }

  @Test func `in a file are read again when the file has changed`() async throws {
    let path = NSTemporaryDirectory() + "token-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "first\n".write(toFile: path, atomically: true, encoding: .utf8)
    try await TestGateway.run(
      settings: .with {
        $0.senders = [SenderSettings(name: "a", credentials: .bearer(.file(path)))]
      }
    ) { gateway in
      func status(_ token: String) async throws -> Int {
        var headers = Bodies.protobuf
        headers["Authorization"] = "Bearer \(token)"
        return try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), headers).status
      }
      #expect(try await status("first") == 204)
      try "second one\n".write(toFile: path, atomically: true, encoding: .utf8)
      #expect(try await status("first") == 401)
      #expect(try await status("second one") == 204)
      try FileManager.default.removeItem(atPath: path)
      // It is the gateway's trouble, not the sender's.
      #expect(try await status("second one") == 503)
    }
  }

  @Test func `with an empty password let nobody in`() async throws {
    let path = NSTemporaryDirectory() + "password-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "\n".write(toFile: path, atomically: true, encoding: .utf8)
    try await TestGateway.run(
      settings: .with {
        $0.senders = [
          SenderSettings(name: "a", credentials: .basic(username: .text("user"), password: .file(path))),
          SenderSettings(name: "b", credentials: .bearer(.file(path))),
        ]
      }
    ) { gateway in
      for header in [Self.basic("user:"), Self.basic(":"), "Bearer ", "Bearer"] {
        var headers = Bodies.protobuf
        headers["Authorization"] = header
        let answer = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), headers)
        #expect(answer.status == 401, "\(header)")
      }
    }
  }

  @Test func `that name no tenant leave it to the sender`() async throws {
    try await TestGateway.run(settings: .with { Self.with(&$0) }) { gateway in
      for (asked, status) in [(nil, 204), ("mine", 204), (String(repeating: "x", count: 151), 400), ("a|b", 400)]
        as [(String?, Int)]
      {
        var headers = Bodies.protobuf
        headers["Authorization"] = Self.basic("user:pass:word")
        headers["X-Scope-OrgID"] = asked
        let answer = try await gateway.http("POST", "/api/v1/write", Bodies.snappy(Bodies.up), headers)
        #expect(answer.status == status, "\(asked ?? "none"): \(answer.text)")
      }
      var sample = try SampleBlocks(tenant: #require(Tenant("its own")))
      let block = try sample.block()
      _ = try await gateway.deliverGRPC(
        [DeliverRequest(id: 1, tables: [sample.table.bytes], blocks: [block.bytes])],
        ["authorization": .string(Self.basic("user:pass:word"))])
      #expect(try await Set(gateway.log.blocks().map(\.block.header.tenant.name)) == ["", "mine", "its own"])
    }
  }

  @Test func `are compared to the end`() {
    #expect(sameInConstantTime("abc", "abc"))
    #expect(!sameInConstantTime("abc", "abd"))
    #expect(!sameInConstantTime("abc", "ab"))
    #expect(!sameInConstantTime("", ""))
  }
}
