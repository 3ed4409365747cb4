import Codec
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GatewayRPC
import Synchronization
import Wire

/// A gateway on 127.0.0.1 at a free port that keeps blocks in memory, by the rules of the exchange, and misbehaves where a test says so.
final class StandInGateway: Sendable {
  /// What it does with a whole request.
  enum Reaction: Sendable {
    case answer
    /// The blocks are stored; the answer never comes.
    case storeSilently
    /// Nothing is stored, and no answer comes.
    case hang
    /// The stream ends with this; the blocks are stored before it or not.
    case end(RPCError, storing: Bool)
    /// The same answer a thousand times.
    case flood(DeliverResponse)
    /// An answer of the test's own.
    case say(DeliverResponse)
  }

  struct Seen: Sendable {
    var requests: [DeliverRequest] = []
    var headers: [[String: String]] = []
    /// What is stored, each with how often it was sent.
    var stored: [[UInt8]] = []
    var held: Set<[UInt8]> = []
    var tables: Set<TableName> = []
    var unary: [(method: String, message: [UInt8])] = []
  }

  private struct Service: RegistrableRPCService {
    let gateway: Mind

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
      let gateway = self.gateway
      router.registerHandler(
        forMethod: GatewayMethods.deliver, deserializer: BytesCoder(), serializer: BytesCoder()
      ) { request, _ in
        try gateway.check(request.metadata)
        return StreamingServerResponse<[UInt8]> { writer in
          var isUnsettled = false
          for try await bytes in request.messages {
            let request = try DeliverRequest(decoding: bytes)
            if request.isFirst { isUnsettled = false }
            switch gateway.react(to: request) {
            case .answer:
              try await writer.write(gateway.take(request, &isUnsettled).encoded())
            case .storeSilently: _ = gateway.take(request, &isUnsettled)
            case .hang: break
            case .flood(let response):
              for _ in 0..<1000 { try await writer.write(response.encoded()) }
            case .say(let response): try await writer.write(response.encoded())
            case .end(let error, let storing):
              if storing { _ = gateway.take(request, &isUnsettled) }
              throw error
            }
          }
          return [:]
        }
      }
      for method in [GatewayMethods.requestMetrics, GatewayMethods.transferBatch] {
        router.registerHandler(forMethod: method, deserializer: BytesCoder(), serializer: BytesCoder()) { request, _ in
          try gateway.check(request.metadata)
          var message: [UInt8] = []
          for try await bytes in request.messages { message = bytes }
          if let error = gateway.takeUnary(method.method, message) { throw error }
          return StreamingServerResponse<[UInt8]> { writer in
            try await writer.write([])
            return [:]
          }
        }
      }
    }
  }

  /// What all its calls share.
  final class Mind: Sendable {
    let seen = Mutex(Seen())
    let reaction: @Sendable (Int, DeliverRequest) -> Reaction
    let verdict: @Sendable ([UInt8], Seen) -> BlockAnswer?
    let unary: @Sendable (Int) -> RPCError?
    let token: String?

    init(
      _ reaction: @escaping @Sendable (Int, DeliverRequest) -> Reaction,
      _ verdict: @escaping @Sendable ([UInt8], Seen) -> BlockAnswer?,
      _ unary: @escaping @Sendable (Int) -> RPCError?, _ token: String?
    ) {
      self.reaction = reaction
      self.verdict = verdict
      self.unary = unary
      self.token = token
    }

    func check(_ metadata: Metadata) throws {
      let headers = Dictionary(
        metadata.map { ($0.key, $0.value.encoded()) }, uniquingKeysWith: { first, _ in first })
      seen.withLock { $0.headers.append(headers) }
      guard let token else { return }
      guard headers["authorization"] == "Bearer \(token)" else {
        throw RPCError(code: .unauthenticated, message: "“\(headers["authorization"] ?? "")” is nobody")
      }
    }

    func react(to request: DeliverRequest) -> Reaction {
      let number = seen.withLock { seen in
        seen.requests.append(request)
        return seen.requests.count
      }
      return reaction(number, request)
    }

    func takeUnary(_ method: String, _ message: [UInt8]) -> RPCError? {
      let number = seen.withLock { seen in
        seen.unary.append((method, message))
        return seen.unary.count
      }
      return unary(number)
    }

    func take(_ request: DeliverRequest, _ isUnsettled: inout Bool) -> DeliverResponse {
      var answers: [BlockAnswer] = []
      seen.withLock { seen in
        for table in request.tables {
          if let table = try? SeriesTable(verifying: table) { seen.tables.insert(table.name) }
        }
        for bytes in request.blocks {
          let answer = isUnsettled ? BlockAnswer(.skipped) : judge(bytes, request, &seen)
          if !answer.kind.isSettled { isUnsettled = true }
          answers.append(answer)
        }
      }
      return DeliverResponse(
        id: request.id, answers: answers, retryAfterMilliseconds: answers.contains { $0.kind == .full } ? 1500 : nil)
    }

    private func judge(_ bytes: [UInt8], _ request: DeliverRequest, _ seen: inout Seen) -> BlockAnswer {
      if let answer = verdict(bytes, seen) { return answer }
      guard let block = try? SealedBlock(verifying: bytes) else { return BlockAnswer(.refused, reason: "not a block") }
      let missing = block.header.tables.filter { !seen.tables.contains($0) }
      if !missing.isEmpty { return BlockAnswer(.missingTables, missingTables: missing) }
      if !request.renumbers, !seen.held.insert(bytes).inserted { return BlockAnswer(.alreadyHeld) }
      seen.stored.append(bytes)
      return BlockAnswer(.stored)
    }
  }

  let mind: Mind
  let port: Int
  private let server: GRPCServer<HTTP2ServerTransport.Posix>
  private let running: Task<Void, Never>

  var seen: Seen { mind.seen.withLock { $0 } }
  var address: String { "127.0.0.1:\(port)" }

  /// Requests are counted from 1. `verdict` may judge a block by itself.
  init(
    port: Int = 0, security: HTTP2ServerTransport.Posix.TransportSecurity = .plaintext, token: String? = nil,
    messageLimitBytes: Int = 40 << 20, verdict: @escaping @Sendable ([UInt8], Seen) -> BlockAnswer? = { _, _ in nil },
    unary: @escaping @Sendable (Int) -> RPCError? = { _ in nil },
    reaction: @escaping @Sendable (Int, DeliverRequest) -> Reaction = { _, _ in .answer }
  ) async throws {
    mind = Mind(reaction, verdict, unary, token)
    var config = HTTP2ServerTransport.Posix.Config.defaults
    config.rpc.maxRequestPayloadSize = messageLimitBytes
    server = GRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: security, config: config),
      services: [Service(gateway: mind)])
    let server = self.server
    running = Task { try? await server.serve() }
    self.port = try await server.listeningAddress?.ipv4?.port ?? 0
  }

  /// Ends as a program does that is killed: connections break.
  func stop() async {
    running.cancel()
    await running.value
  }
}
