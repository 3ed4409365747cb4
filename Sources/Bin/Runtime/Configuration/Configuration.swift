import Forwarders
import GatewayCollectors
import HTTP
import Model

/// A configuration file after all checks: nothing optional that the program would have to guess at.
public struct Configuration: Sendable, Equatable {
  /// Added to every series that does not have the label itself, in the order of their names.
  public var externalLabels: [Label]
  public var scrapeJobs: [ScrapeJobSettings]
  /// The section `gateway`; nil: the file has none.
  public var gateway: GatewaySettings?
  public var log: LogSettings
  public var forwarders: [ForwarderSettings]
  /// The file as it was read, as YAML with its secrets replaced by `<secret>`; comments are not kept.
  public var sanitizedText = ""
  /// What may be shown nowhere.
  public var secrets = SecretTexts()

  static let noTargets = "the configuration has no target to scrape"

  /// What is allowed and yet hardly meant; for people.
  public var remarks: [String] {
    var remarks: [String] = []
    if gateway == nil, scrapeJobs.allSatisfy(\.targets.isEmpty) {
      remarks.append(Configuration.noTargets)
    }
    if gateway != nil, !scrapeJobs.isEmpty {
      remarks.append(
        "scrape_configs is for the role agent and gateway for the gateways: each role leaves the other's alone")
    }
    if forwarders.isEmpty { remarks.append("the configuration has no forwarder: what is collected stays in the log") }
    return remarks
  }
}

/// One element of `scrape_configs`.
public struct ScrapeJobSettings: Sendable, Equatable {
  public var name: String
  public var interval: Duration
  public var timeout: Duration
  public var targets: [StaticTarget]
  public var scheme = "http"
  public var metricsPath = "/metrics"
  public var params: [String: [String]] = [:]
  public var honorLabels = false
  public var honorTimestamps = true
  public var compression = true
  public var staleOnStop = true
  public var limits = Limits()
  public var http = HTTPConfiguration()

  /// A scrape that exceeds one fails as a whole; 0 is none.
  public struct Limits: Sendable, Equatable {
    public var samples = 0
    public var labels = 0
    public var labelNameBytes = 0
    public var labelValueBytes = 0
    /// After decompression.
    public var body = ConfigurationDefaults.bodySizeLimit
  }

  public struct StaticTarget: Sendable, Equatable {
    /// `host` or `host:port`.
    public var address: String
    /// The group's labels, in the order of their names; without `job` and `instance` unless the file sets them. `__scheme__`, `__metrics_path__` and
    /// `__param_<name>` among them stand in for what the job says.
    public var labels: [Label]
    /// In place of the job's.
    public var interval: Duration?
    public var timeout: Duration?
  }
}

/// The section `wal`.
public struct LogSettings: Sendable, Equatable {
  public enum WhenFull: String, Sendable, CaseIterable {
    case dropOldest = "drop-oldest"
    case reject = "reject"
  }

  /// Absolute.
  public var directory: String
  public var maxSize: ByteSize
  /// Nil: rows are kept until they are delivered, however long that takes.
  public var maxAge: Duration?
  public var whenFull: WhenFull
  public var commitInterval: Duration
  public var keepDelivered: Duration
  public var orphanHold: Duration
  public var dedupeWindow: Duration
}

/// One element of `forwarders`.
public struct ForwarderSettings: Sendable, Equatable {
  /// Where a cursor begins that the log does not know yet.
  public enum Start: Sendable, Equatable {
    case oldest
    case newest
    case time(UnixMilliseconds)
  }

  public enum Destination: Sendable, Equatable {
    case file(FileDestination)
    case prometheus(PrometheusConfiguration)
    case loki(LokiConfiguration)
    case gateway(GatewayConfiguration)
  }

  /// The cursor's name.
  public var name: String
  public var start: Start
  public var delivery: DeliverySettings
  public var destination: Destination

  /// How its lane sends, whatever the destination.
  public struct DeliverySettings: Sendable, Equatable {
    public enum Refusals: String, Sendable, CaseIterable {
      case split
      case specification
    }

    /// The longest pause between attempts.
    public var maxBackoff: Duration
    /// Nil: no limit.
    public var maxBytesPerSecond: ByteSize?
    public var maxRequestsPerSecond: Double?
    public var refusals: Refusals
  }

  public struct FileDestination: Sendable, Equatable {
    public enum Compression: String, Sendable, CaseIterable {
      case none
      case zstd
    }

    /// Absolute.
    public var directory: String
    public var maxFileSize: ByteSize
    public var maxFileAge: Duration
    public var compression: Compression
  }

  /// What the file calls it, for status and metrics.
  public var type: String {
    switch destination {
    case .file: "file"
    case .prometheus: "prometheus"
    case .loki: "loki"
    case .gateway: "gateway"
    }
  }
}
