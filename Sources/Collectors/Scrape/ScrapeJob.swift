import Model

/// One job of `scrape_configs`, validated: how its targets are scraped and under which labels.
public struct ScrapeJob: Sendable, Equatable {
  public var name: String
  public var targets: [ScrapeTarget]
  public var interval: Duration
  /// At most the interval.
  public var timeout: Duration
  public var scheme = "http"
  public var metricsPath = "/metrics"
  /// A scraped label beats the target's label of the same name; otherwise it becomes `exported_<name>`.
  public var honorLabels = false
  /// A sample's own timestamp is stored; otherwise the scrape's.
  public var honorTimestamps = true
  /// Added to series that have no label of that name.
  public var externalLabels: [Label] = []
  public var tenant = Tenant.default
  /// Of an answer's body after decompression; a larger one fails the scrape.
  public var bodyLimitBytes = 128 << 20

  public init(
    name: String, targets: [ScrapeTarget], interval: Duration = .seconds(60), timeout: Duration = .seconds(10)
  ) {
    self.name = name
    self.targets = targets
    self.interval = interval
    self.timeout = timeout
  }
}

/// One address of a job and the labels that the configuration gives it.
public struct ScrapeTarget: Sendable, Hashable {
  /// Host and port, for example `localhost:9100`.
  public var address: String
  public var labels: [Label]

  public init(address: String, labels: [Label] = []) {
    self.address = address
    self.labels = labels
  }
}
