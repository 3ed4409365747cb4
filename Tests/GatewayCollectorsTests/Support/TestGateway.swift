import AsyncHTTPClient
import Codec
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GatewayRPC
import Logging
import Model
import NIOCore
import Testing
import WAL
import Wire

@testable import GatewayCollectors

/// A gateway at work on free ports of this machine, with a real log.
struct TestGateway: Sendable {
  let grpcPort: Int
  let httpPort: Int
  let log: WriteAheadLog
  let collector: GatewayCollector

  struct NotListening: Error {}

  /// What a test wants otherwise than usual.
  struct Change {
    let apply: (inout GatewaySettings) -> Void

    static var none: Change { Change { _ in } }

    static func with(_ apply: @escaping (inout GatewaySettings) -> Void) -> Change { Change(apply: apply) }
  }

  /// Runs a gateway for as long as `body` does, and stops it in order.
  static func run(
    _ signal: Signal = .metrics, sink: (any Sink)? = nil, reader: (any PushReader)? = nil,
    settings change: Change = .none, log size: (limitBytes: Int, segmentBytes: Int)? = nil,
    _ body: @Sendable (TestGateway) async throws -> Void
  ) async throws {
    let folder = NSTemporaryDirectory() + "clymene-gateway-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = LogConfiguration(directory: folder, commitInterval: .milliseconds(20))
    if let size {
      configuration.maxSizeBytes = size.limitBytes
      configuration.segmentBytes = size.segmentBytes
      configuration.whenFull = .reject
    }
    let log = try WriteAheadLog.open(configuration)
    var settings = GatewaySettings(
      signal: signal, grpc: GatewayListener(host: "127.0.0.1", port: 0),
      http: GatewayListener(host: "127.0.0.1", port: 0))
    change.apply(&settings)
    let (listening, announce) = AsyncStream.makeStream(of: (GatewayCollector.Server, Int).self)
    let collector = GatewayCollector(
      settings, reader: reader ?? LooseReader(settings),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      onListening: { announce.yield(($0, $1.port)) })
    let running = Task {
      defer { announce.finish() }
      try await collector.run(into: sink ?? log.sink)
    }
    var ports: [GatewayCollector.Server: Int] = [:]
    let wanted = (settings.grpc == nil ? 0 : 1) + (settings.http == nil ? 0 : 1)
    for await (server, port) in listening {
      ports[server] = port
      if ports.count == wanted { break }
    }
    guard ports.count == wanted else {
      try await running.value
      throw NotListening()
    }
    let gateway = TestGateway(
      grpcPort: ports[.grpc] ?? 0, httpPort: ports[.http] ?? 0, log: log, collector: collector)
    do {
      try await body(gateway)
    } catch {
      running.cancel()
      _ = try? await running.value
      try await log.close()
      throw error
    }
    running.cancel()
    try await running.value
    try await log.close()
  }

  // MARK: HTTP

  struct Answer: Sendable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  func http(
    _ method: String = "POST", _ path: String, _ body: [UInt8] = [], _ headers: [String: String] = [:],
    client: HTTPClient = .shared, scheme: String = "http"
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: "\(scheme)://127.0.0.1:\(httpPort)\(path)")
    request.method = .init(rawValue: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if method == "POST" { request.body = .bytes(ByteBuffer(bytes: body)) }
    let response = try await client.execute(request, timeout: .seconds(20))
    let answer = try await response.body.collect(upTo: 8 << 20)
    return Answer(
      status: Int(response.status.code),
      headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
      body: Array(answer.readableBytesView))
  }

  func deliverHTTP(_ request: DeliverRequest, _ headers: [String: String] = [:]) async throws -> DeliverResponse {
    let answer = try await http("POST", "/api/v1/blocks", request.encoded(), headers)
    try #require(answer.status == 200, "\(answer.text)")
    return try DeliverResponse(decoding: answer.body)
  }

  // MARK: gRPC

  typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

  func grpc<Result: Sendable>(
    _ security: HTTP2ClientTransport.Posix.TransportSecurity = .plaintext,
    _ body: @Sendable (Client) async throws -> Result
  ) async throws -> Result {
    let transport = try HTTP2ClientTransport.Posix(
      target: .ipv4(address: "127.0.0.1", port: grpcPort), transportSecurity: security)
    return try await withGRPCClient(transport: transport) { try await body($0) }
  }

  /// All requests on one stream, and all answers.
  func deliverGRPC(_ requests: [DeliverRequest], _ metadata: Metadata = [:]) async throws -> [DeliverResponse] {
    try await grpc { try await $0.deliver(requests, metadata) }
  }
}

extension GRPCClient {
  func deliver(_ requests: [DeliverRequest], _ metadata: Metadata = [:]) async throws -> [DeliverResponse] {
    try await bidirectionalStreaming(
      request: StreamingClientRequest(metadata: metadata) { writer in
        for request in requests { try await writer.write(request.encoded()) }
      }, descriptor: GatewayMethods.deliver, serializer: BytesCoder(), deserializer: BytesCoder(), options: .defaults
    ) { response in
      var answers: [DeliverResponse] = []
      for try await message in response.messages { answers.append(try DeliverResponse(decoding: message)) }
      return answers
    }
  }

  func call(
    _ method: MethodDescriptor, _ message: [UInt8], _ metadata: Metadata = [:], options: CallOptions = .defaults
  ) async throws -> [UInt8] {
    try await unary(
      request: ClientRequest(message: message, metadata: metadata), descriptor: method, serializer: BytesCoder(),
      deserializer: BytesCoder(), options: options
    ) { try $0.message }
  }
}

extension WriteAheadLog {
  /// All blocks that are in the log.
  func blocks() async throws -> [TabledBlock] {
    let cursor = try await cursor(named: "test-\(UUID().uuidString)")
    defer { cursor.close() }
    var blocks: [TabledBlock] = []
    var after: UInt64?
    while !cursor.isDrained(after: after) {
      let next = try await cursor.next(after: after)
      blocks += next.map(\.tabled)
      after = next.last?.offsets.upperBound ?? after
    }
    return blocks
  }
}
