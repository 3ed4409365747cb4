import Codec
import HTTP
import Logging
import LooseTables
import Model
import Synchronization

/// A source of what others send: a gRPC and an HTTP server that take Clymene blocks and the pushes of other programs, and answer when they are durable.
public final class GatewayCollector: Collector {
  public enum Server: String, Sendable, CaseIterable {
    case grpc
    case http
  }

  /// Somebody who sent something, for pages.
  public struct SenderStatus: Sendable, Equatable {
    public var name: String
    public var requests: UInt64
    public var rows: UInt64
    public var entries: UInt64
    public var bytes: UInt64
    public var errors: UInt64
    public var lastError: String?
    public var lastSeen: ContinuousClock.Instant
  }

  private let settings: GatewaySettings
  private let reader: any PushReader
  private let logger: Logger
  private let onListening: @Sendable (Server, GatewayListener) -> Void
  private let shared = Mutex<GatewayShared?>(nil)

  /// `onListening` is told of each server where it listens, with its real port.
  public convenience init(
    _ settings: GatewaySettings, logger: Logger,
    onListening: @escaping @Sendable (Server, GatewayListener) -> Void = { _, _ in }
  ) {
    self.init(settings, reader: LooseReader(settings), logger: logger, onListening: onListening)
  }

  init(
    _ settings: GatewaySettings, reader: any PushReader, logger: Logger,
    onListening: @escaping @Sendable (Server, GatewayListener) -> Void
  ) {
    self.settings = settings
    self.reader = reader
    self.logger = logger
    self.onListening = onListening
  }

  public var counters: GatewayCounters { shared.withLock { $0?.counting.current } ?? GatewayCounters() }

  public var cachedTables: (count: Int, bytes: Int) {
    shared.withLock { $0.map { ($0.tables.count, $0.tables.bytes) } } ?? (0, 0)
  }

  /// Of all requests under way.
  public var bytesUnderWay: Int { shared.withLock { $0?.budget.usedBytes } ?? 0 }

  /// Open streams and whoever else waits for the stop.
  var waitingForStop: Int { shared.withLock { $0?.stopping.listenerCount ?? 0 } }

  /// In the order of their names.
  public var senders: [SenderStatus] {
    (shared.withLock { $0?.senders.records.all } ?? []).map { record in
      let figures = record.figures
      return SenderStatus(
        name: record.name, requests: figures.requests, rows: figures.rows, entries: figures.entries,
        bytes: figures.bytes, errors: figures.errors, lastError: figures.lastError, lastSeen: figures.lastSeen)
    }
  }

  /// Listens until the task is cancelled; then requests under way are finished within some seconds. Throws when a server cannot listen or ends by itself.
  public func run(into sink: any Sink) async throws {
    let shared = GatewayShared(settings, reader: reader, sink: sink)
    self.shared.withLock { $0 = shared }
    var servers: [any GatewayServer] = []
    // Certificates that cannot be read stop the start, before anything listens.
    if let listener = settings.grpc {
      servers.append(try GRPCGatewayServer(listener, shared, logger: logger, announce(.grpc)))
    }
    if let listener = settings.http {
      servers.append(try HTTPGatewayServer(listener, shared, logger: logger, announce(.http)))
    }
    try await GatewayServers(servers, stopTimeout: settings.limits.stopTimeout, notice: shared.stopping).run()
  }

  private func announce(_ server: Server) -> @Sendable (GatewayListener) -> Void {
    { [logger, onListening] listener in
      logger.info(
        "gateway listens",
        metadata: [
          "server": "\(server.rawValue)", "address": "\(listener)", "tls": "\(listener.tls != nil)",
        ])
      onListening(server, listener)
    }
  }
}
