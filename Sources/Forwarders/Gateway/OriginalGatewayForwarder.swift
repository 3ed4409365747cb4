import Codec
import GRPCCore
import GatewayRPC
import HTTP
import Model
import Synchronization
import Wire

/// Forwards to gateways of the Go original, by its own interfaces: metrics as remote write messages, logs as its JSON.
///
/// They know no rows: what is sent again after a lost answer is there twice. The tenant of metrics is not sent, as there is no place for it.
public actor OriginalGatewayForwarder: Forwarder {
  /// What the original's gRPC server takes, grpc-go's default, with room for the frame around the JSON of logs.
  static let messageLimitBytes = (4 << 20) - 64

  private let configuration: GatewayConfiguration
  private let reach: GatewayReach
  private let metricsPoster: GatewayPoster
  private let logsPoster: GatewayPoster
  private let encoder: Mutex<RemoteWriteEncoder>
  private let templates = LabelTemplates()
  private let texts = LokiLabelTexts()
  private let turns = Turns()

  public nonisolated var shards: Int { 1 }

  /// `userAgent` is for example `Clymene/0.1.0`. Throws when there is no memory.
  public init(_ configuration: GatewayConfiguration, userAgent: String) throws(FormatError) {
    self.configuration = configuration
    encoder = Mutex(try RemoteWriteEncoder())
    let dialer = ServerDialer(configuration.http, isTLS: configuration.isTLS)
    reach = GatewayReach(configuration, dialer, now: { .now }, lookUp: NameLookup.addresses)
    let version = userAgent.split(separator: "/").last.map(String.init) ?? ""
    metricsPoster = GatewayPoster(
      configuration,
      headers: [
        (name: "Content-Encoding", value: "snappy"), (name: "Content-Type", value: "application/x-protobuf"),
        (name: "User-Agent", value: userAgent), (name: "Clymene-Version", value: version),
      ])
    logsPoster = GatewayPoster(
      configuration,
      // It is JSON; the original's own client says this.
      headers: [(name: "Content-Type", value: "application/x-protobuf"), (name: "User-Agent", value: userAgent)])
  }

  public func deliver(_ delivery: Delivery) async -> Answer {
    await turns.take()
    defer { turns.give() }
    guard !Task.isCancelled else { return Answer(.retry(reason: "the delivery was given up", after: nil)) }
    return await deliverAlone(delivery)
  }

  private func deliverAlone(_ delivery: Delivery) async -> Answer {
    guard let header = delivery.blocks.first?.block.header else { return .nothingToSend }
    do {
      switch (header.signal, configuration.transport) {
      case (.metrics, .grpc):
        guard let message = try message(of: delivery) else { return .nothingToSend }
        return await call(GatewayMethods.requestMetrics, message)
      case (.metrics, .http):
        guard let body = try body(of: delivery) else { return .nothingToSend }
        return await post(body, to: "/api/metrics", by: metricsPoster)
      case (.logs, .grpc):
        // logproto.Batch
        var message = ProtobufWriter()
        message.bytes(1, try logs(delivery, header.tenant))
        return await call(GatewayMethods.transferBatch, message.bytes)
      case (.logs, .http):
        return await post(try logs(delivery, header.tenant), to: "/api/logs", by: logsPoster)
      }
    } catch {
      return Answer(.refused(reason: "the block cannot be sent: \(error)"))
    }
  }

  public func close() async {
    await reach.close()
    await metricsPoster.close()
    await logsPoster.close()
  }

  // MARK: - Messages

  /// The original's messages have labels and samples only.
  private static let options = {
    var options = RemoteWriteOptions()
    options.exemplars = false
    options.nativeHistograms = false
    return options
  }()

  private func message(of delivery: Delivery) throws(FormatError) -> [UInt8]? {
    try encoder.withLock { encoder throws(FormatError) in
      guard try encoder.encode(delivery, templates, Self.options).series > 0 else { return nil }
      return encoder.withMessage { message in message.withUnsafeBytes { [UInt8]($0) } }
    }
  }

  private func body(of delivery: Delivery) throws(FormatError) -> [UInt8]? {
    try encoder.withLock { encoder throws(FormatError) in try encoder.body(of: delivery, templates, Self.options) }
  }

  private func logs(_ delivery: Delivery, _ tenant: Tenant) throws -> [UInt8] {
    let now = FileForwarder.wallClock().rawValue.multipliedReportingOverflow(by: 1_000_000).partialValue
    return try ProducerBatch.encode(delivery.blocks, tenant: tenant, createdAt: UnixNanoseconds(now), texts)
  }

  // MARK: - gRPC

  private func call(_ method: MethodDescriptor, _ message: [UInt8]) async -> Answer {
    guard message.count <= Self.messageLimitBytes else {
      var answer = Answer(
        .tooLarge(reason: "a message of \(message.count) bytes, the original takes \(Self.messageLimitBytes)"))
      answer.isFromDestination = false
      return answer
    }
    let link: GatewayLink
    do throws(HTTPError) {
      link = try await reach.connected()
    } catch {
      return Answer(GatewayAnswer.outcome(of: error))
    }
    let hasSent = Sent()
    let late = link.whenSilent(for: configuration.timeout) { link.drop() }
    defer { late.cancel() }
    do {
      let request = StreamingClientRequest<[UInt8]>(metadata: link.metadata) { writer in
        hasSent.flag.store(true, ordering: .releasing)
        try await writer.write(message)
      }
      try await link.client.bidirectionalStreaming(
        request: request, descriptor: method, serializer: BytesCoder(), deserializer: BytesCoder(), options: .defaults
      ) { response in
        for try await _ in response.messages {}
      }
      await reach.note(.settled)
      return Answer(.delivered, sentBytes: message.count)
    } catch {
      return await failed(error, link, message, hasSent: hasSent.flag.load(ordering: .acquiring))
    }
  }

  private final class Sent: Sendable {
    let flag = Atomic<Bool>(false)
  }

  private func failed(_ error: any Error, _ link: GatewayLink, _ message: [UInt8], hasSent: Bool) async -> Answer {
    let outcome: Outcome
    if !link.isOpen {
      let closed = HTTPError(
        .reset,
        "no answer from \(link.place.text) within \(configuration.timeout), or it closed the connection")
      outcome = GatewayAnswer.outcome(of: link.error ?? closed)
      await reach.drop()
    } else if let error = error as? RPCError {
      outcome = GatewayAnswer.outcome(of: error, from: link.place.text, hide: reach.hide)
    } else {
      outcome = .retry(reason: "no answer from \(link.place.text): \(error)", after: nil)
    }
    switch outcome {
    case .refused, .tooLarge: await reach.note(.settled)
    case .misconfigured: await reach.note(.unreachable)
    default: await reach.note(hasSent ? .inDoubt : .unreachable)
    }
    var answer = Answer(outcome, sentBytes: hasSent ? message.count : 0)
    if case .retry = outcome { answer.mayHaveArrived = hasSent }
    return answer
  }

  // MARK: - HTTP

  private func post(_ body: [UInt8], to path: String, by poster: GatewayPoster) async -> Answer {
    let place: GatewayPlace
    do throws(HTTPError) {
      place = try await reach.place()
    } catch {
      return Answer(GatewayAnswer.outcome(of: error))
    }
    let reply = await poster.post(body, to: path, at: place)
    await reach.note(reply.event)
    let isSent = reply.status != nil || reply.mayHaveArrived
    return Answer(
      reply.outcome, sentBytes: isSent ? body.count : 0, mayHaveArrived: reply.mayHaveArrived, status: reply.status)
  }
}
