import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GatewayRPC
import Logging
import NIOCore
import NIOPosix
import Wire

/// The gateway's gRPC server.
struct GRPCGatewayServer: GatewayServer {
  /// Of one connection, and of each of its calls, that was received and not read yet.
  private static let windowBytes = 512 << 10

  let description: String
  private let listener: GatewayListener
  private let server: GRPCServer<HTTP2ServerTransport.Posix>
  private let certificates: ServerCertificates?
  private let onListening: @Sendable (GatewayListener) -> Void

  init(
    _ listener: GatewayListener, _ shared: GatewayShared, logger: Logger,
    _ onListening: @escaping @Sendable (GatewayListener) -> Void
  ) throws {
    description = "gRPC server on \(listener)"
    self.listener = listener
    self.onListening = onListening
    certificates = try listener.tls.map { try ServerCertificates($0, logger: logger) }
    let limits = shared.settings.limits
    let connections = ConnectionCount(
      limit: limits.connections, firstBytesWithin: limits.headerTimeout, budget: shared.budget)
    let config = HTTP2ServerTransport.Posix.Config.defaults { config in
      // One more than is taken, so that the answer names the limit in the gateway's words.
      config.rpc.maxRequestPayloadSize = min(
        max(DeliverRequest.limitBytes, limits.sender.bodyBytes) + (1 << 10), shared.budget.share().limitBytes)
      config.http2.targetWindowSize = Self.windowBytes
      config.http2.maxConcurrentStreams = limits.streamsPerConnection
      config.connection.maxIdleTime = limits.idleTimeout
      config.connection.keepalive.time = .seconds(60)
      config.connection.keepalive.clientBehavior.allowWithoutCalls = true
      config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
      config.channelDebuggingCallbacks.onAcceptTCPConnection = { connections.accept($0) }
      config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            StreamGuard(
              budget: shared.budget, share: connections.share(of: channel.parent), bodyTimeout: limits.bodyTimeout),
            position: .first)
        }
      }
    }
    let own = [
      GatewayMethods.deliver,
      shared.settings.signal == .metrics ? GatewayMethods.requestMetrics : GatewayMethods.transferBatch,
    ]
    let standard = [GatewayMethods.healthCheck, GatewayMethods.reflection, GatewayMethods.reflectionAlpha]
    server = GRPCServer(
      transport: .http2NIOPosix(
        address: try Self.address(listener), transportSecurity: try certificates?.forGRPC() ?? .plaintext,
        config: config),
      services: [
        GatewayService(shared: shared),
        HealthService(shared: shared, services: Set(own.map(\.service.fullyQualifiedService))),
        ReflectionService(services: Set((own + standard).map(\.service.fullyQualifiedService))),
      ])
  }

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      if let certificates { tasks.addTask { await certificates.run() } }
      tasks.addTask {
        // It throws when the server cannot listen, which `serve` says as well.
        guard let address = try? await server.transport.listeningAddress else { return }
        var real = listener
        real.port = address.ipv4?.port ?? address.ipv6?.port ?? listener.port
        onListening(real)
      }
      do {
        try await server.serve()
      } catch let error as RuntimeError {
        // The library's own words are “the transport threw an error”.
        throw error.cause ?? error
      }
      tasks.cancelAll()
    }
  }

  func stop() async { server.beginGracefulShutdown() }

  /// The transport wants an address; a name is looked up once.
  private static func address(_ listener: GatewayListener) throws -> GRPCNIOTransportCore.SocketAddress {
    let resolved = try NIOCore.SocketAddress.makeAddressResolvingHost(listener.host, port: listener.port)
    let host = resolved.ipAddress ?? listener.host
    if case .v6 = resolved { return .ipv6(host: host, port: listener.port) }
    return .ipv4(host: host, port: listener.port)
  }
}
