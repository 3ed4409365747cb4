import GatewayCollectors
import Logging
import Model

extension Role {
  /// Receives metrics.
  public static let gateway = receiving(.metrics, "gateway")
  /// Receives logs.
  public static let promtailGateway = receiving(.logs, "promtail-gateway")

  private static func receiving(_ signal: Signal, _ name: String) -> Role {
    Role(
      name: name, defaultAdminAddress: ":15690", defaultConfigurationFile: "/etc/clymene/\(name).yml", isGateway: true,
      collectors: { configuration, logger in try RoleCollectors.receiving(signal, configuration, logger) })
  }
}

extension RoleCollectors {
  static func receiving(
    _ signal: Signal, _ configuration: Configuration, _ logger: Logger
  ) throws -> RoleCollectors {
    var settings = configuration.gateway ?? ConfigurationDefaults.gateway
    settings.signal = signal
    guard settings.grpc != nil || settings.http != nil else {
      throw ConfigurationError(
        file: "the command line", text: "both servers are turned off: the gateway would listen nowhere")
    }
    let collector = GatewayCollector(settings, logger: logger)
    let secrets = configuration.secrets
    return RoleCollectors(
      running: [collector], targets: { [] },
      metrics: { GatewayMetrics.add(collector, signal, to: &$0) },
      totals: {
        let counters = collector.counters
        return CollectedTotals(
          samples: counters.samples + counters.histograms + counters.logEntries, failedScrapes: counters.failedRequests)
      },
      gateway: { StatusSnapshot.GatewayPanel(collector, signal).hiding(secrets) },
      close: {})
  }
}
