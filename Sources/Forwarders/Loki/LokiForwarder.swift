import Codec
import HTTP
import Model
import Synchronization
import Wire

/// Forwards log entries by Loki's push: to Loki and everything else that receives it.
///
/// One delivery is one POST of a snappy-compressed message, which is made anew for each try and is the same each time. A repeat harms nothing: of entries of one stream
/// with the same time and line Loki keeps one.
public final class LokiForwarder: Forwarder {
  /// An encoder with its buffers; a shard's deliveries follow each other, so nobody waits for it.
  private final class Slot: Sendable {
    let encoder: Mutex<LokiPushEncoder>

    init(_ configuration: LokiConfiguration) throws(FormatError) {
      encoder = Mutex(try LokiPushEncoder(structuredMetadata: configuration.sendsStructuredMetadata))
    }
  }

  private struct Request {
    let body: [UInt8]
    let entries: Int
  }

  private let configuration: LokiConfiguration
  private let session: HTTPSession
  private let server: String
  private let headers: [(name: String, value: String)]
  private let texts = LokiLabelTexts()
  private let slots: [Slot]
  private let now: @Sendable () -> UnixMilliseconds

  /// `userAgent` is for example `Clymene/0.1.0`. Throws when there is no memory.
  public init(
    _ configuration: LokiConfiguration, userAgent: String,
    now: @escaping @Sendable () -> UnixMilliseconds = FileForwarder.wallClock
  ) throws(FormatError) {
    self.configuration = configuration
    self.now = now
    var http = configuration.http
    http.concurrentRequestsPerHost = max(8, configuration.shards)
    session = HTTPSession(http)
    server = AnswerText.server(of: configuration.url)
    // The body is snappy without a header that says so: the type means both.
    headers = [(name: "Content-Type", value: "application/x-protobuf"), (name: "User-Agent", value: userAgent)]
    var slots: [Slot] = []
    for _ in 0..<max(1, configuration.shards) { slots.append(try Slot(configuration)) }
    self.slots = slots
  }

  public var shards: Int { slots.count }

  public func deliver(_ delivery: Delivery) async -> Answer {
    if delivery.blocks.contains(where: { $0.block.header.signal != .logs }) {
      // It says nothing against the rows: another forwarder is meant for them.
      return Answer(.misconfigured(reason: "these rows are metrics, and Loki takes log entries only"))
    }
    let request: Request
    do {
      guard let made = try self.request(of: delivery) else { return .nothingToSend }
      request = made
    } catch {
      return Answer(.refused(reason: "the block cannot be sent: \(error)"))
    }
    var headers = self.headers
    let tenant = delivery.blocks.first?.block.header.tenant ?? .default
    if let name = tenant == .default ? configuration.tenantID : tenant.name {
      guard HTTPConfiguration.isHeaderValue(name) else {
        return Answer(
          .refused(
            reason: "the tenant's name has control characters and cannot be sent as \(configuration.tenantHeader)"))
      }
      headers.append((name: configuration.tenantHeader, value: name))
    }
    let sentBytes = request.body.count
    do throws(HTTPError) {
      let answer = try await session.post(
        configuration.url, headers: headers, body: request.body, timeout: configuration.timeout)
      let (outcome, mayHaveArrived) = LokiAnswer.answer(
        status: answer.status, header: answer.header, body: answer.body, server: server, entries: request.entries,
        now: now(), hide: { session.hide($0, sentTo: configuration.url) })
      return Answer(outcome, sentBytes: sentBytes, mayHaveArrived: mayHaveArrived, status: answer.status)
    } catch {
      let (outcome, mayHaveArrived) = RemoteWriteAnswer.answer(error)
      return Answer(outcome, sentBytes: error.mayHaveArrived ? sentBytes : 0, mayHaveArrived: mayHaveArrived)
    }
  }

  /// Nil when the delivery has no entry for the shard.
  private func request(of delivery: Delivery) throws(FormatError) -> Request? {
    let slot = slots[(delivery.shard?.index ?? 0) % slots.count]
    return try slot.encoder.withLock { encoder throws(FormatError) in
      try encoder.body(of: delivery, texts).map { Request(body: $0.bytes, entries: $0.entries) }
    }
  }

  public func close() async { await session.close() }
}
