import Codec
import GRPCCore
import HTTP
import Model
import Wire

/// Forwards blocks, as they are stored, to Clymene gateways: over one gRPC stream that stays open, or over HTTP.
///
/// A delivery becomes requests of about 128 KiB; over gRPC several are under way at once. A table goes along with the first block that names it on
/// a connection, and again when the gateway lacks it. Blocks that were acknowledged before a delivery failed are not sent with it again. Which of
/// several gateways it is says ``GatewayChoice``.
public actor GatewayForwarder: Forwarder {
  private let configuration: GatewayConfiguration
  private let reach: GatewayReach
  private let poster: GatewayPoster?
  private let limits: DeliveryExchange.Limits
  private var stream: DeliverStream?
  /// With HTTP: whom `sentTables` are about.
  private var postedTo: GatewayPlace?
  private var sentTables = SentTables()
  private var acknowledged = AcknowledgedBlocks()
  private var nextID: UInt64 = 0

  public nonisolated var shards: Int { 1 }
  public nonisolated var wantsMergedBlocks: Bool { true }
  public nonisolated var takesPartsOfRows: Bool { false }

  /// `userAgent` is for example `Clymene/0.1.0`.
  public init(_ configuration: GatewayConfiguration, userAgent: String) {
    self.init(configuration, userAgent: userAgent, limits: .init())
  }

  init(
    _ configuration: GatewayConfiguration, userAgent: String, limits: DeliveryExchange.Limits,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    lookUp: @escaping @Sendable (String) async throws(HTTPError) -> [String] = NameLookup.addresses
  ) {
    self.configuration = configuration
    var limits = limits
    if configuration.transport == .http {
      // Each request has headers and an answer of its own.
      limits.requestBytes = max(limits.requestBytes, 1 << 20)
      limits.windowRequests = 1
    }
    self.limits = limits
    let dialer = ServerDialer(configuration.http, isTLS: configuration.isTLS)
    reach = GatewayReach(configuration, dialer, now: now, lookUp: lookUp)
    let headers = [(name: "Content-Type", value: "application/x-protobuf"), (name: "User-Agent", value: userAgent)]
    poster = configuration.transport == .http ? GatewayPoster(configuration, headers: headers) : nil
  }

  public func deliver(_ delivery: Delivery) async -> Answer {
    acknowledged.begin(generation: delivery.generation)
    var exchange = DeliveryExchange(delivery, limits: limits) { acknowledged.holds($0) }
    var answer: Answer
    if exchange.isAllThere {
      answer = Answer(.delivered)
      answer.isFromDestination = false
    } else if let poster {
      answer = await post(&exchange, by: poster)
    } else {
      answer = await stream(&exchange)
    }
    switch answer.outcome {
    case .delivered, .alreadyThere:
      acknowledged.forget(delivery.blocks.lazy.map { AcknowledgedBlocks.Key($0.block) })
    default:
      for key in exchange.there { acknowledged.remember(key) }
    }
    if exchange.isPartlyThere, case .retry = answer.outcome { answer.mayHaveArrived = true }
    return answer
  }

  public func close() async {
    await stream?.close()
    stream = nil
    await reach.drop()
    await poster?.close()
  }

  /// How many bytes the present connection has written and read, for tests.
  var connectionBytes: (written: Int, read: Int)? { stream?.link.bytes }
  var rememberedCount: Int { acknowledged.count + sentTables.count }

  // MARK: - Ends

  private func end(_ exchange: DeliveryExchange, sentBytes: Int) async -> Answer {
    let outcome = exchange.outcome
    if case .retry = outcome {
      await reach.note(.declined)
    } else {
      await reach.note(.settled)
    }
    return Answer(outcome, sentBytes: sentBytes)
  }

  private func unreachable(_ error: HTTPError) -> Answer { Answer(GatewayAnswer.outcome(of: error)) }

  // MARK: - gRPC

  private func stream(_ exchange: inout DeliveryExchange) async -> Answer {
    let stream: DeliverStream
    do throws(HTTPError) {
      stream = try await openStream()
    } catch {
      return unreachable(error)
    }
    let sentBefore = stream.sentRequests
    var sentBytes = 0
    while true {
      while let request = exchange.request(id: nextID + 1, &sentTables) {
        nextID += 1
        let bytes = request.encoded()
        sentBytes += bytes.count
        stream.send(bytes)
      }
      guard exchange.isUnderWay else { return await end(exchange, sentBytes: sentBytes) }
      switch await stream.next(within: configuration.timeout) {
      case .response(let bytes):
        do {
          try exchange.take(try DeliverResponse(decoding: bytes), &sentTables)
        } catch {
          let reason = "\(stream.link.place.text) does not answer as a gateway does: \(error)"
          return await lose(
            stream, .retry(reason: reason, after: nil), sentBytes: sentBytes, hasSent: stream.sentRequests > sentBefore)
        }
      case .late:
        let reason = "no answer from \(stream.link.place.text) within \(configuration.timeout)"
        return await lose(
          stream, .retry(reason: reason, after: nil), sentBytes: sentBytes, hasSent: stream.sentRequests > sentBefore)
      case .ended(let error):
        return await lose(
          stream, outcome(ofEnd: error, stream.link), sentBytes: sentBytes, hasSent: stream.sentRequests > sentBefore)
      }
    }
  }

  /// The stream that is open, or a new one.
  private func openStream() async throws(HTTPError) -> DeliverStream {
    if let ended = stream, ended.hasEnded {
      stream = nil
      await ended.close()
    }
    let link = try await reach.connected()
    if let stream, stream.link === link { return stream }
    let before = stream
    let opened = DeliverStream(on: link)
    stream = opened
    sentTables = SentTables()
    await before?.close()
    return opened
  }

  /// The connection is of no use any more, and some requests have no answer.
  private func lose(
    _ lost: DeliverStream, _ outcome: Outcome, sentBytes: Int, hasSent: Bool
  ) async -> Answer {
    stream = nil
    await lost.close()
    await reach.drop()
    switch outcome {
    case .refused, .tooLarge: await reach.note(.settled)
    case .misconfigured: await reach.note(.unreachable)
    default: await reach.note(hasSent ? .inDoubt : .unreachable)
    }
    var answer = Answer(outcome, sentBytes: hasSent ? sentBytes : 0)
    if case .refused = outcome {} else { answer.mayHaveArrived = hasSent }
    return answer
  }

  private func outcome(ofEnd error: RPCError?, _ link: GatewayLink) -> Outcome {
    let server = link.place.text
    // Also what is a matter of settings may come behind the connection, as a TLS alert about the client's certificate does.
    if let broken = link.error, error == nil || error?.code == .unavailable || error?.code == .unknown {
      return GatewayAnswer.outcome(of: broken)
    }
    guard let error else { return .retry(reason: "\(server) ended the stream", after: nil) }
    return GatewayAnswer.outcome(of: error, from: server, hide: reach.hide)
  }

  // MARK: - HTTP

  private func post(_ exchange: inout DeliveryExchange, by poster: GatewayPoster) async -> Answer {
    let place: GatewayPlace
    do throws(HTTPError) {
      place = try await reach.place()
    } catch {
      return unreachable(error)
    }
    if postedTo != place {
      postedTo = place
      sentTables = SentTables()
    }
    var sentBytes = 0
    while let request = exchange.request(id: nextID + 1, &sentTables) {
      nextID += 1
      let bytes = request.encoded()
      let reply = await poster.post(bytes, to: "/api/v1/blocks", at: place)
      if reply.mayHaveArrived || reply.body != nil { sentBytes += bytes.count }
      guard let body = reply.body else {
        sentTables = SentTables()
        return await fail(reply, sentBytes: sentBytes)
      }
      do {
        try exchange.take(try DeliverResponse(decoding: body), &sentTables)
      } catch {
        await reach.note(.inDoubt)
        return Answer(
          .retry(reason: "\(place.text) does not answer as a gateway does: \(error)", after: nil),
          sentBytes: sentBytes, mayHaveArrived: true, status: reply.status)
      }
    }
    return await end(exchange, sentBytes: sentBytes)
  }

  private func fail(_ reply: GatewayPoster.Reply, sentBytes: Int) async -> Answer {
    await reach.note(reply.event)
    return Answer(
      reply.outcome, sentBytes: sentBytes, mayHaveArrived: reply.mayHaveArrived, status: reply.status)
  }
}
