import Forwarders
import Model

/// A configuration file after all checks: nothing optional that the program would have to guess at.
public struct Configuration: Sendable, Equatable {
  /// Added to every series that does not have the label itself, in the order of their names.
  public var externalLabels: [Label]
  public var scrapeJobs: [ScrapeJobSettings]
  public var log: LogSettings
  public var forwarders: [ForwarderSettings]

  /// What is allowed and yet hardly meant; for people.
  public var remarks: [String] {
    var remarks: [String] = []
    if scrapeJobs.allSatisfy(\.targets.isEmpty) { remarks.append("the configuration has no target to scrape") }
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

  public struct StaticTarget: Sendable, Equatable {
    /// `host` or `host:port`.
    public var address: String
    /// The group's labels, in the order of their names; without `job` and `instance` unless the file sets them.
    public var labels: [Label]
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
  }

  /// The cursor's name.
  public var name: String
  public var start: Start
  public var destination: Destination

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
    }
  }
}
