import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Opens connections for protocols that the HTTP client does not speak, gRPC: with the same TLS settings, credentials and words.
///
/// Secrets and certificates in files are looked at with each connection.
public final class ServerDialer: Sendable {
  private let configuration: HTTPConfiguration
  private let isTLS: Bool
  private let files = FileTexts()

  public init(_ configuration: HTTPConfiguration, isTLS: Bool) {
    self.configuration = configuration
    self.isTLS = isTLS
  }

  /// What is to be sent with each request: `Authorization` and the headers of the settings, as they are now. Throws when a secret cannot be read.
  public func headers() throws(HTTPError) -> [(name: String, value: String)] {
    let maker = RequestHeaders(configuration: configuration, files: files)
    var headers = HTTPHeaders()
    try maker.add(configuration.headers, to: &headers, withSecrets: true)
    if let value = try maker.authorization() { headers.add(name: "authorization", value: value) }
    return headers.map { ($0.name.lowercased(), $0.value) }
  }

  /// A server's words without the secrets that it was sent.
  public func hide(_ words: String) -> String {
    SentSecrets(configuration: configuration, files: files).texts(sentTo: "").hide(words)
  }

  /// A connection that is ready: TLS is agreed on. `initialize` sets up the protocol above it before the first byte comes. `name` is whom TLS asks for
  /// where the settings do not say; `protocols` are offered to the server (ALPN). Connecting and TLS have the time for a connection each.
  public func connect<Pipeline: Sendable>(
    host: String, port: Int, name: String? = nil, protocols: [String], timeout: Duration? = nil,
    initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Pipeline>
  ) async throws(HTTPError) -> DialedConnection<Pipeline> {
    let server = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let timeout = min(timeout ?? configuration.connectTimeout, configuration.connectTimeout)
    let context = try context(protocols: protocols, server: server)
    let asked = configuration.tls.serverName ?? name ?? host
    let opening = Opening(
      context: context, name: Self.isAddress(asked) ? nil : asked, server: server, timeout: timeout)
    do {
      return try await withTaskCancellationHandler {
        try await opening.open(host: host, port: port, initialize)
      } onCancel: {
        opening.close()
      }
    } catch {
      let said = HTTPError(
        describing: error, server: server, connectTimeout: timeout, isCancelled: Task.isCancelled)
      throw said.hiding(SentSecrets(configuration: configuration, files: files).texts(sentTo: ""))
    }
  }

  private func context(protocols: [String], server: String) throws(HTTPError) -> NIOSSLContext? {
    guard isTLS else { return nil }
    var tls = try ClientCertificates(configuration.tls, files).configuration()
    tls.applicationProtocols = protocols
    do {
      return try NIOSSLContext(configuration: tls)
    } catch {
      throw HTTPError(.settings, "TLS with \(server) cannot be set up: \(error)")
    }
  }

  /// TLS is not asked for an address by name; the certificate is compared with where the connection leads.
  private static func isAddress(_ host: String) -> Bool {
    (try? SocketAddress(ipAddress: host, port: 0)) != nil
  }
}

/// A connection that is being opened, and can be given up from outside.
private final class Opening: Sendable {
  private let context: NIOSSLContext?
  private let name: String?
  private let server: String
  private let timeout: Duration
  private let notes = ConnectionNotes()
  private let channel = Mutex<(any Channel)?>(nil)

  init(context: NIOSSLContext?, name: String?, server: String, timeout: Duration) {
    self.context = context
    self.name = name
    self.server = server
    self.timeout = timeout
  }

  func close() { channel.withLock { $0 }?.close(promise: nil) }

  func open<Pipeline: Sendable>(
    host: String, port: Int, _ initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Pipeline>
  ) async throws -> DialedConnection<Pipeline> {
    typealias Opened = (channel: any Channel, pipeline: Pipeline, ready: EventLoopFuture<Void>)
    let opened: Opened = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(TimeAmount(timeout))
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connect(host: host, port: port) { channel -> EventLoopFuture<Opened> in
        do {
          let ready = try self.prepare(channel)
          return initialize(channel).map { (channel, $0, ready) }
        } catch {
          return channel.eventLoop.makeFailedFuture(error)
        }
      }
    let notes = self.notes
    let slow = HTTPError(.timedOut, "TLS with \(server) was not ready within \(timeout)")
    let late = opened.channel.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
      notes.note(slow)
      opened.channel.close(promise: nil)
    }
    defer { late.cancel() }
    do {
      try await opened.ready.get()
    } catch {
      opened.channel.close(promise: nil)
      // The library traps on a pipeline that is dropped before its channel has ended.
      try? await opened.channel.closeFuture.get()
      throw notes.error ?? error
    }
    return DialedConnection(channel: opened.channel, pipeline: opened.pipeline, notes: notes, server: server)
  }

  /// On the channel's event loop.
  private func prepare(_ channel: any Channel) throws -> EventLoopFuture<Void> {
    self.channel.withLock { $0 = channel }
    let handlers = channel.pipeline.syncOperations
    if let context { try handlers.addHandler(try NIOSSLClientHandler(context: context, serverHostname: name)) }
    let ready = channel.eventLoop.makePromise(of: Void.self)
    do {
      try handlers.addHandler(ConnectionWitness(notes, ready: ready, waitsForTLS: context != nil))
    } catch {
      ready.fail(error)
      throw error
    }
    return ready.futureResult
  }
}

/// A connection that stands, with what was set up on it.
public struct DialedConnection<Pipeline: Sendable>: Sendable {
  public let channel: any Channel
  public let pipeline: Pipeline
  let notes: ConnectionNotes
  let server: String

  /// What broke the connection, in words; nil while nothing has.
  public var error: HTTPError? {
    notes.error.map { HTTPError(describing: $0, server: server, connectTimeout: .zero, isCancelled: false) }
  }

  /// Bytes that the protocol has written and read, without what TLS adds.
  public var bytes: (written: Int, read: Int) { notes.bytes }
}
