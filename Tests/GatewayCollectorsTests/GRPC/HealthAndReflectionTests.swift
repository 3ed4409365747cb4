import GRPCCore
import GatewayRPC
import Testing
import Wire

@testable import GatewayCollectors

@Suite("gRPC's own services") struct HealthAndReflectionTests {
  @Test func `say that the gateway serves, which services it has, and how their messages look`() async throws {
    try await TestGateway.run { gateway in
      try await gateway.grpc { client in
        #expect(try await client.call(GatewayMethods.healthCheck, []) == HealthMessages.response(.serving))
        let named = Bodies.message(1, Array("clymene.v1.Gateway".utf8))
        #expect(try await client.call(GatewayMethods.healthCheck, named) == HealthMessages.response(.serving))
        let unknown = await #expect(throws: RPCError.self) {
          try await client.call(GatewayMethods.healthCheck, Bodies.message(1, Array("no.Such".utf8)))
        }
        #expect(unknown?.code == .notFound)
        for method in [GatewayMethods.reflection, GatewayMethods.reflectionAlpha] {
          let requests = [
            Bodies.message(7, []), Bodies.message(4, Array("clymene.v1.Gateway".utf8)),
            Bodies.message(3, Array("gateway.proto".utf8)), Bodies.message(4, Array("no.Such".utf8)),
          ]
          let answers = try await reflect(client, method, requests)
          #expect(answers.count == 4)
          let services = ["clymene.v1.Gateway", "grpc.health.v1.Health", "prometheus.ClymeneService"]
          for service in services { #expect(answers.first?.holds(service) == true) }
          #expect(answers.first?.holds("logproto.Gateway") == false)
          #expect(answers.dropFirst().first?.holds("DeliverRequest") == true)
          #expect(answers.dropFirst(2).first?.holds("DeliverRequest") == true)
          #expect(answers.last?.holds("is not here") == true)
        }
      }
    }
  }

  private func reflect(
    _ client: TestGateway.Client, _ method: MethodDescriptor, _ requests: [[UInt8]]
  ) async throws -> [[UInt8]] {
    try await client.bidirectionalStreaming(
      request: StreamingClientRequest { writer in for request in requests { try await writer.write(request) } },
      descriptor: method, serializer: BytesCoder(), deserializer: BytesCoder(), options: .defaults
    ) { response in
      var answers: [[UInt8]] = []
      for try await message in response.messages { answers.append(message) }
      return answers
    }
  }

  @Test func `forget whoever watched the health and went away`() async throws {
    try await TestGateway.run { gateway in
      let (watching, watched) = AsyncStream.makeStream(of: Void.self)
      let watcher = Task {
        try await gateway.grpc { client in
          try await client.serverStreaming(
            request: ClientRequest(message: []), descriptor: GatewayMethods.healthWatch, serializer: BytesCoder(),
            deserializer: BytesCoder(), options: .defaults
          ) { response in
            for try await message in response.messages {
              #expect(message == HealthMessages.response(.serving))
              watched.yield()
            }
          }
        }
      }
      for await _ in watching { break }
      #expect(gateway.collector.waitingForStop == 1)
      watcher.cancel()
      _ = await watcher.result
      let began = ContinuousClock.now
      while gateway.collector.waitingForStop > 0, ContinuousClock.now - began < .seconds(10) {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(gateway.collector.waitingForStop == 0)
    }
  }

  @Test func `are whole: each descriptor can be read`() {
    let service = ReflectionService(services: [])
    #expect(DescriptorBytes.files.count == 6)
    for symbol in ["clymene.v1.Gateway.Deliver", "grpc.health.v1.Health", "prometheus.WriteRequest", "logproto.Batch"] {
      let answer = try? service.answer(Bodies.message(4, Array(symbol.utf8)))
      #expect(answer?.holds("is not here") == false, "\(symbol)")
    }
  }
}

extension [UInt8] {
  func holds(_ text: String) -> Bool {
    let wanted = Array(text.utf8)
    guard count >= wanted.count else { return false }
    return indices.dropLast(wanted.count - 1).contains { self[$0..<($0 + wanted.count)].elementsEqual(wanted) }
  }
}
