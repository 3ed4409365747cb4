import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GatewayRPC
import HTTP
import NIOCore
import Synchronization

/// A connection to one gateway, over which gRPC calls go. It does not come back once it is lost; a new one is opened then.
final class GatewayLink: Sendable {
  typealias Transport = HTTP2ClientTransport.WrappedChannel
  private typealias Connection = DialedConnection<Transport.ConfiguredChannel>

  let place: GatewayPlace
  /// What was sent as credentials and headers when it was opened.
  let headers: [Header]
  let client: GRPCClient<Transport>
  private let connection: Connection
  private let running: Task<Void, Never>

  struct Header: Sendable, Equatable {
    let name: String
    let value: String
  }

  /// Connects, within the time for a connection and `timeout`.
  static func open(
    to place: GatewayPlace, by dialer: ServerDialer, headers: [Header], _ configuration: GatewayConfiguration,
    timeout: Duration? = nil
  ) async throws(HTTPError) -> GatewayLink {
    let made = Mutex<Connection?>(nil)
    let transport: Transport
    do {
      transport = try await Transport.wrapping(config: settings(for: place, configuration)) { configure in
        let connection = try await dialer.connect(
          host: place.host, port: place.port, name: place.name, protocols: ["h2"], timeout: timeout,
          initialize: configure)
        made.withLock { $0 = connection }
        return connection.pipeline
      }
    } catch {
      throw (error as? HTTPError) ?? HTTPError(.other, "no connection to \(place.text): \(error)")
    }
    guard let connection = made.withLock({ $0 }) else {
      throw HTTPError(.other, "no connection to \(place.text)")
    }
    return GatewayLink(place, headers, GRPCClient(transport: transport), connection)
  }

  private init(
    _ place: GatewayPlace, _ headers: [Header], _ client: GRPCClient<Transport>, _ connection: Connection
  ) {
    self.place = place
    self.headers = headers
    self.client = client
    self.connection = connection
    // Owned by this object, and awaited in `close`. It ends with the connection, and only so: a client that is stopped before it runs traps.
    running = Task { try? await client.runConnections() }
  }

  deinit { connection.channel.close(promise: nil) }

  var isOpen: Bool { connection.channel.isActive }
  /// What broke it, where that is known.
  var error: HTTPError? { connection.error }
  /// Bytes written and read, HTTP/2's among them, TLS's not.
  var bytes: (written: Int, read: Int) { connection.bytes }

  var metadata: Metadata {
    var metadata = Metadata()
    for header in headers { metadata.addString(header.value, forKey: header.name) }
    return metadata
  }

  /// Calls `body` after a time unless it is cancelled before.
  func after(_ time: Duration, _ body: @escaping @Sendable () -> Void) -> Scheduled<Void> {
    connection.channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: Int128(time / .nanoseconds(1)))), body)
  }

  func drop() { connection.channel.close(promise: nil) }

  /// Returns when the connection and its task have ended.
  func close() async {
    drop()
    await running.value
  }

  private static func settings(
    for place: GatewayPlace, _ configuration: GatewayConfiguration
  ) -> Transport.Config {
    .defaults { settings in
      settings.http2.authority = place.authority
      settings.http2.maxFrameSize = 1 << 16
      // Answers are small; the default of 8 MiB announces itself with a frame more.
      settings.http2.targetWindowSize = 1 << 20
      settings.connection.maxIdleTime = nil
      settings.connection.keepalive = .init(
        time: configuration.keepaliveTime, timeout: configuration.keepaliveTimeout, allowWithoutCalls: false)
    }
  }
}
