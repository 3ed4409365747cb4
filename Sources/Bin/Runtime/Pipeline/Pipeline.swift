import Codec
import Foundation
import Logging
import Model
import ServiceLifecycle
import Synchronization
import WAL

/// A role at work: collectors, log, lanes and admin server, from start to an orderly stop.
public enum Pipeline {
  /// How long everything together may take to stop; what has not ended by then is cancelled.
  static let stopLimit = Duration.seconds(10)

  /// Runs until SIGTERM or SIGINT and returns when everything has stopped in order. Throws what kept it from starting or made
  /// it stop by itself.
  public static func run(
    _ role: Role, configuration: Configuration, admin: [AdminAddress], logger: Logger
  ) async throws {
    let startedAt = WallClock.now()
    logger.info(
      "starting", metadata: ["role": "\(role.name)", "version": "\(BuildInfo.current.version)"])
    let log = try openLog(configuration.log, logger)
    let failure = await outcome {
      try await run(role, configuration, admin, logger, log, startedAt)
    }
    // Whatever happened, what was accepted is written and the log says that it was closed.
    do {
      try await log.close()
    } catch {
      logger.error("closing the log: \(error)")
      throw failure ?? error
    }
    if let failure { throw failure }
    logger.info("stopped")
  }

  private static func run(
    _ role: Role, _ configuration: Configuration, _ admin: [AdminAddress], _ logger: Logger, _ log: WriteAheadLog,
    _ startedAt: UnixMilliseconds
  ) async throws {
    let lanes = try await makeLanes(configuration.forwarders, log, logger)
    let collectors = try role.collectors(configuration, logger)
    let status = PipelineStatus(
      role: role, configuration: configuration, log: log, lanes: lanes, collectors: collectors, startedAt: startedAt)
    // In the order of their dependencies: the group stops them in reverse, each before the one above it.
    var services: [any Service] = lanes.map { LaneService(lane: $0) }
    services += collectors.running.map { CollectorService(collector: $0, sink: log.sink) }
    services.append(ReadyService(status: status))
    services += admin.map { AdminServer(address: $0, source: status, logger: logger) }

    var settings = ServiceGroupConfiguration(services: services, logger: quiet(logger))
    settings.maximumGracefulShutdownDuration = stopLimit
    settings.maximumCancellationDuration = stopLimit
    let group = ServiceGroup(configuration: settings)
    let signals = StopSignals { number in
      logger.info("stopping, a second signal ends at once", metadata: ["signal": "\(number)"])
      Task { await group.triggerGracefulShutdown() }
    }
    let failure = await outcome { try await group.run() }
    withExtendedLifetime(signals) {}
    await collectors.close()
    if let failure { throw failure }
  }

  private static func openLog(_ settings: LogSettings, _ logger: Logger) throws -> WriteAheadLog {
    let configuration = LogConfiguration(settings)
    let log = try WriteAheadLog.open(configuration)
    for finding in log.opening.findings {
      logger.log(
        level: finding == .created ? .info : .warning, "the log: \(finding)",
        metadata: ["directory": "\(settings.directory)"])
    }
    return log
  }

  private static func makeLanes(
    _ forwarders: [ForwarderSettings], _ log: WriteAheadLog, _ logger: Logger
  ) async throws -> [Lane] {
    var lanes: [Lane] = []
    for settings in forwarders {
      let cursor = try await log.cursor(named: settings.name, start: CursorStart(settings.start))
      let forwarder = try settings.destination.makeForwarder()
      lanes.append(
        Lane(name: settings.name, source: CursorSource(cursor: cursor), forwarder: forwarder, logger: logger))
    }
    return lanes
  }

  /// The library's own notes about starting and stopping services say nothing that ours do not.
  private static func quiet(_ logger: Logger) -> Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .error)
    return logger
  }

  private static func outcome(_ body: () async throws -> Void) async -> (any Error)? {
    do {
      try await body()
      return nil
    } catch {
      return error
    }
  }
}

/// Runs a lane until the stop; a request in flight is finished first.
private struct LaneService: Service {
  let lane: Lane

  func run() async throws {
    await cancelWhenGracefulShutdown { await lane.run() }
  }
}

/// Runs a collector until the stop. One that ends by itself has nothing to collect and is no reason to stop.
private struct CollectorService: Service {
  let collector: any Collector
  let sink: any Sink

  func run() async throws {
    try await cancelWhenGracefulShutdown { try await collector.run(into: sink) }
    try await gracefulShutdown()
  }
}

/// Says that everything below it runs, and at the stop, before anything below it ends, that it does not any more.
private struct ReadyService: Service {
  let status: PipelineStatus

  func run() async throws {
    status.isReady = true
    try? await gracefulShutdown()
    status.isReady = false
  }
}
