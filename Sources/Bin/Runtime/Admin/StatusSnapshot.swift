/// How the program stands at one instant: what the pages, `/api/v1/status` and the logs of a stop say. Times are RFC 3339
/// texts for people and programs alike; durations are seconds.
public struct StatusSnapshot: Sendable, Equatable, Encodable {
  public var role: String
  public var version: String
  public var time: String
  public var startedAt: String
  public var uptimeSeconds: Double
  public var ready: Bool
  public var process = ProcessPanel()
  /// All of them, or none where the page does not list them.
  public var targets: [TargetPanel]
  public var downTargets = 0
  /// Of roles that receive.
  public var gateway: GatewayPanel?
  public var log: LogPanel
  public var forwarders: [ForwarderPanel]

  public struct ProcessPanel: Sendable, Equatable, Encodable {
    public var cpuSeconds: Double?
    public var residentBytes: Int?
    public var threads: Int?
    public var openFiles: Int?
  }

  /// One scraped target.
  public struct TargetPanel: Sendable, Equatable, Encodable {
    public enum Health: String, Sendable, Encodable {
      case up
      case down
      /// Not scraped yet.
      case unknown
    }

    public var job: String
    public var url: String
    public var labels: [String: String]
    public var health: Health
    public var lastError: String?
    public var lastScrapeAt: String?
    public var lastScrapeAgeSeconds: Double?
    /// What the last scrape took.
    public var lastScrapeSeconds: Double?
    public var intervalSeconds: Double?
    public var samples: Int?
    public var series: Int?
    public var nextScrapeInSeconds: Double?
  }

  public struct LogPanel: Sendable, Equatable, Encodable {
    public var directory: String
    public var segments: Int
    public var blocks: UInt64 = 0
    public var bytes: Int
    public var limitBytes: Int
    public var rows: UInt64
    /// Samples and log entries.
    public var entries: UInt64 = 0
    public var oldestAt: String?
    public var oldestAgeSeconds: Double?
    public var newestAt: String?
    public var newestAgeSeconds: Double?
    public var maxAgeSeconds: Double?
    public var keepDeliveredSeconds: Double?
    public var whenFull: String
    public var full: Bool
    /// At the growth of the last ten minutes; nil when it does not grow.
    public var fullInSeconds: Double?
    /// How long every destination could be away from now on before the log is full.
    public var outageRoomSeconds: Double?
    public var droppedRows: UInt64 = 0
    public var damagedBlocks: UInt64 = 0
    /// Segments set aside.
    public var quarantined: Int
    /// Files with what destinations refused for good.
    public var deadLetters = 0
    public var deadLetterBytes = 0
    /// Those removed to make room for newer ones.
    public var deadLettersDropped: UInt64 = 0
    public var tenants: [TenantPanel]
    public var consumers: [ConsumerPanel] = []
    /// What a person should know: damage found at opening, a failing disk.
    public var remarks: [String]
  }

  public struct TenantPanel: Sendable, Equatable, Encodable {
    public var tenant: String
    public var signal = "metrics"
    public var rows: UInt64
  }

  /// A place in the log that keeps rows: a forwarder's, configured or not.
  public struct ConsumerPanel: Sendable, Equatable, Encodable {
    public var name: String
    public var configured: Bool
    public var holdsSegments: Bool
    public var waitingRows: UInt64
    public var waitingBytes: Int
    public var droppedRows: UInt64
    public var missingRows: UInt64
  }

  public struct ForwarderPanel: Sendable, Equatable, Encodable {
    public enum State: String, Sendable, Encodable {
      /// Everything is delivered.
      case idle
      case delivering
      /// The last request failed; it is tried again.
      case retrying
      /// Nothing moves until a person helps.
      case held
    }

    public var name: String
    public var type: String
    public var state: State
    public var waitingRows: UInt64
    public var waitingBytes: Int
    /// Age of the oldest row that waits.
    public var waitingSeconds: Double?
    /// Until nothing waits at the rates of the last minute; 0 when nothing does, nil while it does not shrink.
    public var drainSeconds: Double?
    public var deliveredRows: Int
    /// Samples and log entries.
    public var deliveredEntries = 0
    /// Blocks' bytes, as they lie in the log.
    public var deliveredBytes = 0
    /// Requests' bytes, as they went to the destination.
    public var sentBytes = 0
    public var alreadyThereRows = 0
    public var deadLetterRows = 0
    public var droppedRows: UInt64
    public var missingRows: UInt64 = 0
    /// Requests by how they ended, under the names of the label `outcome`.
    public var requests: [String: Int] = [:]
    public var splitRequests = 0
    public var inFlight = 0
    /// The mean time until a destination's answer.
    public var requestSeconds: Double?
    public var readErrors = 0
    public var lastDeliveryAt: String?
    public var lastDeliveryAgeSeconds: Double?
    public var lastError: String?
    public var lastErrorAt: String?
    public var lastErrorAgeSeconds: Double?
    public var failuresInARow: Int
    public var alarm: String?
  }
}
