import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import ServiceLifecycle

/// The gateway's HTTP server.
struct HTTPGatewayServer: GatewayServer {
  let description: String
  private let group: ServiceGroup
  private let certificates: ServerCertificates?

  init(
    _ listener: GatewayListener, _ shared: GatewayShared, logger: Logger,
    _ onListening: @escaping @Sendable (GatewayListener) -> Void
  ) throws {
    description = "HTTP server on \(listener)"
    certificates = try listener.tls.map { try ServerCertificates($0, logger: logger) }
    // The library's own start and stop lines; ours say the same with the real port.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .error)
    let limits = shared.settings.limits
    let connections = ConnectionCount(
      limit: limits.connections, limitsAll: false, firstBytesWithin: limits.headerTimeout, budget: shared.budget)
    let plain = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [ConnectionAdmission(connections), RequestDeadlines(limits)],
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 100)))
    let application = Application(
      responder: GatewayResponder(shared: shared),
      server: try certificates.map { try .tls(plain, configuration: $0.forHTTP()) } ?? plain,
      configuration: .init(
        address: .hostname(listener.host, port: listener.port),
        availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)),
      onServerRunning: { channel in
        var real = listener
        real.port = channel.localAddress?.port ?? listener.port
        onListening(real)
      }, logger: quiet)
    group = ServiceGroup(configuration: .init(services: [application], logger: quiet))
  }

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      if let certificates { tasks.addTask { await certificates.run() } }
      try await group.run()
      tasks.cancelAll()
    }
  }

  func stop() async { await group.triggerGracefulShutdown() }
}
