import Codec
import Logging

/// What one of the platform's components takes in: the whole difference between them is this value.
public struct Role: Sendable {
  /// The subcommand's name.
  public let name: String
  /// Where the admin server listens unless told otherwise.
  public let defaultAdminAddress: String
  public let defaultConfigurationFile: String
  /// Makes the collectors that this role runs.
  let collectors: @Sendable (Configuration, Logger) throws -> RoleCollectors
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
  /// Called after all of them have returned.
  var close: @Sendable () async -> Void
}

/// What all collectors together have collected since the start.
struct CollectedTotals: Sendable, Equatable {
  var samples: UInt64 = 0
  var failedScrapes: UInt64 = 0
}
