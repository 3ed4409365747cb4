import HTTP
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
  /// The URL's query: names with their values.
  public var params: [String: [String]] = [:]
  /// A scraped label beats the target's label of the same name; otherwise it becomes `exported_<name>`.
  public var honorLabels = false
  /// A sample's own timestamp is stored; otherwise the scrape's.
  public var honorTimestamps = true
  /// Added to series that have no label of that name.
  public var externalLabels: [Label] = []
  public var tenant = Tenant.default
  /// Of an answer's body after decompression; a larger one fails the scrape.
  public var bodyLimitBytes = ScrapeJob.bodyLimitDefaultBytes
  /// An answer with more samples fails the scrape; 0 is no limit.
  public var sampleLimit = 0
  /// A series with more labels fails the scrape, the metric's name and the target's labels counted; 0 is no limit.
  public var labelLimit = 0
  /// Bytes of a label's name or value; a longer one fails the scrape. 0 is no limit.
  public var labelNameLimit = 0
  public var labelValueLimit = 0
  /// Compressed answers are asked for.
  public var compression = true
  /// The series of the targets end with staleness markers when the collector is stopped.
  public var staleOnStop = true
  public var http = HTTPConfiguration()

  public static let bodyLimitDefaultBytes = 128 << 20

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
  /// `__scheme__`, `__metrics_path__`, `__address__` and `__param_<name>` stand in for what the job says.
  public var labels: [Label]
  /// In place of the job's.
  public var interval: Duration?
  public var timeout: Duration?

  public init(address: String, labels: [Label] = [], interval: Duration? = nil, timeout: Duration? = nil) {
    self.address = address
    self.labels = labels
    self.interval = interval
    self.timeout = timeout
  }
}
