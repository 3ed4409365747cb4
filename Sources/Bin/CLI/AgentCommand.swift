import ArgumentParser
import Foundation
import Logging
import Runtime

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent",
    abstract: "Scrapes metrics, keeps them in a durable log and forwards them.",
    discussion: """
      Runs until SIGTERM or SIGINT, and then stops in order within seconds; a second signal ends it at once (exit code \
      143 or 130). Without --log-format, lines are text on a terminal and JSON elsewhere.
      """)

  @OptionGroup var options: RoleOptions

  func run() async throws {
    try await options.run(.agent)
  }
}

/// What all roles have in common.
struct RoleOptions: ParsableArguments {
  @Option(name: .customLong("config.file"), help: "The configuration file.")
  var configFile: String?

  @Option(
    name: .customLong("admin.http.host-ports"),
    help: "Where status page and metrics are served; several with commas (default :15691, of gateways :15690).")
  var adminAddresses: String?

  @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel: LogLevel = .info

  @Option(name: .customLong("log-format"), help: "json or text.")
  var logFormat: LogFormat?

  func validate() throws {
    if let adminAddresses, AdminAddress.list(adminAddresses) == nil {
      throw ValidationError("--admin.http.host-ports “\(adminAddresses)” is not host:port, :port or a list of those")
    }
  }

  /// `override`: what other flags say about the configuration.
  func run(_ role: Role, _ override: (inout Configuration) -> Void = { _ in }) async throws {
    var configuration = try loadConfiguration(configFile ?? role.defaultConfigurationFile)
    override(&configuration)
    let format = logFormat ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
    let level = logLevel.level
    let secrets = configuration.secrets
    LoggingSystem.bootstrap { label in
      StandardErrorLog(label: label, level: level, format: format, hiding: secrets)
    }
    let logger = Logger(label: "clymene")
    do {
      try await Pipeline.run(
        role, configuration: configuration,
        admin: AdminAddress.list(adminAddresses ?? role.defaultAdminAddress) ?? [], logger: logger)
    } catch {
      logger.critical("stopped by an error: \(error)")
      throw ExitCode(1)
    }
  }
}

extension LogFormat: ExpressibleByArgument {}

/// swift-log's levels by their names.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
  case trace, debug, info, notice, warning, warn, error, critical

  /// `warn` is what the original and most Go programs call it.
  var level: Logger.Level { self == .warn ? .warning : Logger.Level(rawValue: rawValue) ?? .info }
}
