import Codec
import HTTP
import Model
import Synchronization
import Wire

/// Forwards metrics by Prometheus remote write 1.0: to Prometheus, VictoriaMetrics, Mimir, Thanos and everything else that receives it.
///
/// One delivery is one POST of a snappy-compressed message, which is made anew for each try and is the same each time. For each shard one
/// request at most is under way, so the samples of a series arrive in order.
public final class PrometheusForwarder: Forwarder {
  /// An encoder with its buffers; a shard's deliveries follow each other, so nobody waits for it.
  private final class Slot: Sendable {
    let encoder: Mutex<RemoteWriteEncoder>

    init() throws(FormatError) { encoder = Mutex(try RemoteWriteEncoder()) }
  }

  private let configuration: PrometheusConfiguration
  private let session: HTTPSession
  private let server: String
  private let headers: [(name: String, value: String)]
  private let templates = LabelTemplates()
  private let slots: [Slot]
  private let now: @Sendable () -> UnixMilliseconds

  /// `userAgent` is for example `Clymene/0.1.0`. Throws when there is no memory.
  public init(
    _ configuration: PrometheusConfiguration, userAgent: String,
    now: @escaping @Sendable () -> UnixMilliseconds = FileForwarder.wallClock
  ) throws(FormatError) {
    self.configuration = configuration
    self.now = now
    var http = configuration.http
    http.concurrentRequestsPerHost = max(8, configuration.shards)
    session = HTTPSession(http)
    server = AnswerText.server(of: configuration.url)
    headers = [
      (name: "Content-Encoding", value: "snappy"), (name: "Content-Type", value: "application/x-protobuf"),
      (name: "X-Prometheus-Remote-Write-Version", value: "0.1.0"), (name: "User-Agent", value: userAgent),
    ]
    var slots: [Slot] = []
    for _ in 0..<max(1, configuration.shards) { slots.append(try Slot()) }
    self.slots = slots
  }

  public var shards: Int { slots.count }

  public func deliver(_ delivery: Delivery) async -> Answer {
    if delivery.blocks.contains(where: { $0.block.header.signal != .metrics }) {
      // It says nothing against the rows: another forwarder is meant for them.
      return Answer(.misconfigured(reason: "these rows are log entries, and remote write takes metrics only"))
    }
    let body: [UInt8]
    do {
      guard let made = try self.body(of: delivery) else { return .nothingToSend }
      body = made
    } catch {
      return Answer(.refused(reason: "the block cannot be sent: \(error)"))
    }
    var headers = self.headers
    let tenant = delivery.blocks.first?.block.header.tenant ?? .default
    if let name = configuration.tenantHeader, tenant != .default {
      guard HTTPConfiguration.isHeaderValue(tenant.name) else {
        return Answer(.refused(reason: "the tenant's name has control characters and cannot be sent as \(name)"))
      }
      headers.append((name: name, value: tenant.name))
    }
    do throws(HTTPError) {
      let answer = try await session.post(
        configuration.url, headers: headers, body: body, timeout: configuration.timeout)
      let (outcome, mayHaveArrived) = RemoteWriteAnswer.answer(
        status: answer.status, header: answer.header, body: answer.body, server: server, now: now(),
        hide: { session.hide($0, sentTo: configuration.url) })
      return Answer(outcome, sentBytes: body.count, mayHaveArrived: mayHaveArrived, status: answer.status)
    } catch {
      let (outcome, mayHaveArrived) = RemoteWriteAnswer.answer(error)
      return Answer(outcome, sentBytes: error.mayHaveArrived ? body.count : 0, mayHaveArrived: mayHaveArrived)
    }
  }

  /// The request's body, or nil when the delivery has no sample for the shard.
  private func body(of delivery: Delivery) throws(FormatError) -> [UInt8]? {
    let slot = slots[(delivery.shard?.index ?? 0) % slots.count]
    return try slot.encoder.withLock { encoder throws(FormatError) in
      try encoder.body(of: delivery, templates, configuration.options)
    }
  }

  public func close() async { await session.close() }
}
