import GRPCCore
import GatewayRPC
import Wire

/// gRPC's health service: SERVING while the log takes what comes, NOT_SERVING while it does not or the gateway stops.
struct HealthService: RegistrableRPCService {
  /// How long a watcher waits for news at most.
  private static let interval = Duration.seconds(1)

  let shared: GatewayShared
  let services: Set<String>

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: GatewayMethods.healthCheck, deserializer: BytesCoder(), serializer: BytesCoder(),
      handler: { request, _ in
        let request = try await ServerRequest(stream: request)
        let status = try status(of: request.message)
        guard status != .serviceUnknown else { throw RPCError(code: .notFound, message: "no such service here") }
        return StreamingServerResponse(single: ServerResponse(message: HealthMessages.response(status)))
      })
    router.registerHandler(
      forMethod: GatewayMethods.healthWatch, deserializer: BytesCoder(), serializer: BytesCoder(),
      handler: { request, _ in
        let request = try await ServerRequest(stream: request)
        return StreamingServerResponse(metadata: [:]) { writer in
          try await watch(request.message, writer)
          return [:]
        }
      })
  }

  private func watch(_ request: [UInt8], _ writer: RPCWriter<[UInt8]>) async throws {
    let (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let notice = shared.stopping.listen { changed.yield() }
    defer { shared.stopping.forget(notice) }
    var last: HealthMessages.Status?
    // A stop is news at once; the rest is looked at now and then.
    let ticking = Task {
      while (try? await Task.sleep(for: Self.interval)) != nil { changed.yield() }
    }
    defer { ticking.cancel() }
    changed.yield()
    // The library does not cancel the task when the client goes, and without news nothing is written that would fail.
    try await withRPCCancellationHandler {
      for await _ in changes {
        let now = try status(of: request)
        if now != last { try await writer.write(HealthMessages.response(now)) }
        last = now
        if shared.stopping.isGiven { return }
      }
    } onCancelRPC: {
      changed.finish()
    }
  }

  private func status(of request: [UInt8]) throws -> HealthMessages.Status {
    let service: String
    do {
      service = try HealthMessages.service(of: request)
    } catch {
      throw RPCError(code: .invalidArgument, message: "\(error)")
    }
    guard service.isEmpty || services.contains(service) else { return .serviceUnknown }
    return shared.notReady == nil ? .serving : .notServing
  }
}
