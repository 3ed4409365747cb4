import Codec
import Logging

/// What one of the platform's components takes in: the whole difference between them is this value.
public struct Role: Sendable {
  /// The subcommand's name.
  public let name: String
  /// Where the admin server listens unless told otherwise.
  public let defaultAdminAddress: String
  public let defaultConfigurationFile: String
  /// Whether it receives what others send, rather than fetching it.
  public var isGateway = false
  /// Makes the collectors that this role runs.
  let collectors: @Sendable (Configuration, Logger) throws -> RoleCollectors
}

extension Role {
  /// What is allowed in the file and yet hardly meant for this role; for people.
  func remarks(on configuration: Configuration) -> [String] {
    var remarks = configuration.remarks
    if isGateway {
      remarks.removeAll { $0 == Configuration.noTargets }
      if !configuration.scrapeJobs.isEmpty {
        remarks.append("scrape_configs stands in the file, but the role \(name) scrapes nothing; the role agent does")
      }
    } else if configuration.gateway != nil {
      remarks.append(
        "gateway stands in the file, but the role \(name) receives nothing; gateway and promtail-gateway do")
    }
    return remarks
  }
}

/// A role's collectors: how to run them, and how to see what they do.
struct RoleCollectors: Sendable {
  /// Run side by side, each until it is cancelled.
  var running: [any Collector]
  /// Without the configuration's secrets.
  var targets: @Sendable () -> [StatusSnapshot.TargetPanel]
  /// How many of them are down.
  var downTargets: @Sendable () -> Int = { 0 }
  var metrics: @Sendable (inout MetricsText) -> Void
  /// For the charts.
  var totals: @Sendable () -> CollectedTotals = { CollectedTotals() }
  /// What has been received, of roles that receive.
  var gateway: @Sendable () -> StatusSnapshot.GatewayPanel? = { nil }
  /// Called after all of them have returned.
  var close: @Sendable () async -> Void
}

/// What all collectors together have collected since the start.
struct CollectedTotals: Sendable, Equatable {
  var samples: UInt64 = 0
  var failedScrapes: UInt64 = 0
}
