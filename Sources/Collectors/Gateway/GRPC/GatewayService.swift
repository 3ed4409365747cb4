import GRPCCore
import GatewayRPC
import Model
import Wire

/// The gateway's gRPC methods: Clymene's stream of blocks, and the Go original's of the gateway's signal.
struct GatewayService: RegistrableRPCService {
  let shared: GatewayShared

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    let deliver = DeliverStream(shared: shared)
    router.registerHandler(
      forMethod: GatewayMethods.deliver, deserializer: BytesCoder(), serializer: BytesCoder(),
      handler: { request, context in try await deliver.respond(to: request, context) })
    let isMetrics = shared.settings.signal == .metrics
    // The other signal's is not there, and answered so by the library.
    router.registerHandler(
      forMethod: isMetrics ? GatewayMethods.requestMetrics : GatewayMethods.transferBatch, deserializer: BytesCoder(),
      serializer: BytesCoder(),
      handler: { request, context in
        StreamingServerResponse(
          single: try await push(ServerRequest(stream: request), isMetrics ? .remoteWrite1 : .producerBatch, context))
      })
  }

  private func push(
    _ request: ServerRequest<[UInt8]>, _ form: PushForm, _ context: ServerContext
  ) async throws -> ServerResponse<[UInt8]> {
    do throws(Refusal) {
      try shared.mustNotStop()
      let sender = try shared.sender(request.metadata, context)
      do throws(Refusal) {
        try sender.record.admitBody()
        let answer = try await take(request, form, sender)
        if let partial = answer.partial {
          sender.record.failed(partial.reason)
          shared.counting.answered(.originalGRPC, answer.outcome)
          return ServerResponse(error: RPCError(partial))
        }
      } catch {
        sender.record.failed(error.reason)
        throw error
      }
    } catch {
      shared.counting.answered(.originalGRPC, error.kind.rawValue)
      throw RPCError(error)
    }
    shared.counting.answered(.originalGRPC, "stored")
    return ServerResponse(message: [])
  }

  private func take(
    _ request: ServerRequest<[UInt8]>, _ form: PushForm, _ sender: Sender
  ) async throws(Refusal) -> PushAnswer {
    let count = request.message.count
    sender.record.spend(bytes: count)
    shared.counting.update { $0.bytes += UInt64(count) }
    guard count <= sender.limits.bodyBytes else {
      throw Refusal(
        .tooLarge, "the message has \(count) bytes, at most \(sender.limits.bodyBytes); less at once may be taken")
    }
    let tenant = try sender.tenant(asked: request.metadata.text("x-scope-orgid"))
    var body = request.message
    if form == .producerBatch {
      do throws(WireError) {
        body = try ProducerBatch.unwrap(body)
      } catch {
        throw Refusal(.invalid, "\(error); sending it again does not help")
      }
    }
    return try await shared.pushes.take(body, as: form, tenant: tenant, from: sender)
  }
}

extension GatewayShared {
  /// Who makes a call.
  func sender(_ metadata: Metadata, _ context: ServerContext) throws(Refusal) -> Sender {
    try senders.sender(
      authorization: metadata.text("authorization"), address: Self.address(ofPeer: context.remotePeer))
  }

  /// The address in what the library calls a peer, such as `ipv4:127.0.0.1:5000` or `ipv6:[::1]:5000`, without the port.
  static func address(ofPeer peer: String) -> String {
    guard let colon = peer.firstIndex(of: ":"), ["ipv4", "ipv6"].contains(peer[..<colon]),
      let port = peer.lastIndex(of: ":"), port > colon
    else { return peer }
    return peer[peer.index(after: colon)..<port].filter { $0 != "[" && $0 != "]" }
  }
}

extension Metadata {
  func text(_ key: String) -> String? { self[stringValues: key].first { _ in true } }
}

extension RPCError {
  init(_ refusal: Refusal) {
    let code: Code =
      switch refusal.kind {
      case .invalid, .unsupported: .invalidArgument
      case .unauthenticated: .unauthenticated
      case .tooLarge, .tooMuch: .resourceExhausted
      case .unavailable: .unavailable
      case .notFound, .wrongMethod: .unimplemented
      }
    self.init(code: code, message: refusal.reason)
  }
}
