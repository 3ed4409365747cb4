import Codec
import Logging
import Model
import ServiceLifecycle
import WAL

/// A role at work: collectors, log, lanes and admin server, from start to an orderly stop.
public enum Pipeline {
  struct StopLimits: Sendable {
    /// What has not stopped in order by then is cancelled.
    var orderly = Duration.seconds(10)
    /// What has not ended by then is left behind: the log is closed without it.
    var total = Duration.seconds(15)
  }

  typealias MakeForwarder = @Sendable (ForwarderSettings) throws -> any Forwarder

  /// Something did not end when it was told to: a system call that hangs, for example.
  struct StuckError: Error, CustomStringConvertible {
    var limit: Duration

    var description: String {
      "not everything ended within \(PrometheusDuration.format(limit)); the log is closed, what was under way is left behind"
    }
  }

  /// Runs until SIGTERM or SIGINT and returns when everything has stopped in order. Throws what kept it from starting, made
  /// it stop by itself, or did not end. The log is closed in any case.
  public static func run(
    _ role: Role, configuration: Configuration, admin: [AdminAddress], logger: Logger
  ) async throws {
    let (stops, asked) = AsyncStream.makeStream(of: Int32.self)
    let signals = StopSignals { asked.yield($0) }
    defer { withExtendedLifetime(signals) {} }
    try await run(
      role, configuration: configuration, admin: admin, logger: logger, stops: stops, limits: StopLimits(),
      makeForwarder: { try $0.destination.makeForwarder() })
  }

  /// The first element of `stops` asks for the stop.
  static func run(
    _ role: Role, configuration: Configuration, admin: [AdminAddress], logger: Logger, stops: AsyncStream<Int32>,
    limits: StopLimits, makeForwarder: MakeForwarder
  ) async throws {
    let startedAt = WallClock.now()
    logger.info(
      "starting", metadata: ["role": "\(role.name)", "version": "\(BuildInfo.current.version)"])
    for remark in role.remarks(on: configuration) { logger.warning("\(remark)") }
    let log = try openLog(configuration.log, logger)
    let failure = await outcome {
      let lanes = try await makeLanes(configuration, log, logger, makeForwarder)
      let collectors = try role.collectors(configuration, logger)
      let history = HistoryStore()
      let status = PipelineStatus(
        role: role, configuration: configuration, log: log, lanes: lanes, collectors: collectors, history: history,
        startedAt: startedAt)
      // In the order of their dependencies: the group stops them in reverse, each before the one above it.
      var services: [any Service] = lanes.map { LaneService(lane: $0) }
      services += collectors.running.map { CollectorService(collector: $0, log: log) }
      services.append(HistoryRecorder(store: history, read: status.reading))
      services.append(ReadyService(status: status))
      let content = AdminServer.Content(
        source: status, history: { history.history }, configurationText: configuration.sanitizedText)
      services += admin.map { AdminServer(address: $0, content: content, logger: logger) }
      var settings = ServiceGroupConfiguration(services: services, logger: quiet(logger))
      // No limit to the cancellation behind it: the library's ends the process on the spot, with the log open.
      settings.maximumGracefulShutdownDuration = limits.orderly
      let failure = await outcome { try await run(ServiceGroup(configuration: settings), until: stops, limits, logger) }
      await collectors.close()
      if let failure { throw failure }
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

  private enum Event: Sendable {
    case stop(Int32)
    case ended((any Error)?)
    case tooLate
  }

  /// Returns when the group has ended; throws its error, or `StuckError` when it has not ended in time after a stop.
  private static func run(
    _ group: ServiceGroup, until stops: AsyncStream<Int32>, _ limits: StopLimits, _ logger: Logger
  ) async throws {
    let (events, happened) = AsyncStream.makeStream(of: Event.self)
    // Not children of this task, which must be able to leave one behind that does not end.
    let running = Task { happened.yield(.ended(await outcome { try await group.run() })) }
    let listening = Task { for await signal in stops { happened.yield(.stop(signal)) } }
    var timer: Task<Void, Never>?
    defer {
      listening.cancel()
      timer?.cancel()
    }
    for await event in events {
      switch event {
      case .stop(let signal):
        guard timer == nil else { continue }
        logger.info("stopping, a second signal ends at once", metadata: ["signal": "\(signal)"])
        timer = Task {
          if (try? await Task.sleep(for: limits.total)) != nil { happened.yield(.tooLate) }
        }
        await group.triggerGracefulShutdown()
      case .ended(let failure):
        if let failure { throw failure }
        return
      case .tooLate:
        running.cancel()
        throw StuckError(limit: limits.total)
      }
    }
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
    _ configuration: Configuration, _ log: WriteAheadLog, _ logger: Logger, _ makeForwarder: MakeForwarder
  ) async throws -> [Lane] {
    var lanes: [Lane] = []
    for settings in configuration.forwarders {
      let cursor = try await log.cursor(named: settings.name, start: CursorStart(settings.start))
      let forwarder = try makeForwarder(settings)
      lanes.append(
        Lane(
          name: settings.name, source: CursorSource(cursor: cursor), forwarder: forwarder,
          deadLetters: LogDeadLetters(log.deadLetters, consumer: settings.name, hiding: configuration.secrets),
          limits: LaneLimits(settings.delivery), logger: logger))
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

/// Runs a lane until the stop; what is there is delivered first, for a while, and a request under way is finished.
private struct LaneService: Service {
  let lane: Lane

  func run() async throws {
    await withGracefulShutdownHandler {
      await lane.run()
    } onGracefulShutdown: {
      lane.stop()
    }
  }
}

/// Runs a collector until the stop, and puts what it has collected on the disk before anything else stops. One that ends by itself
/// has nothing to collect and is no reason to stop.
private struct CollectorService: Service {
  let collector: any Collector
  let log: WriteAheadLog

  func run() async throws {
    try await cancelWhenGracefulShutdown { try await collector.run(into: log.sink) }
    // The task may be cancelled by now, and a flush would not wait then.
    try await Task { try await log.flush() }.value
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
