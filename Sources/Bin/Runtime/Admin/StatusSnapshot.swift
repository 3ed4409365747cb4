/// How the program stands at one instant: what the status page, `/api/v1/status` and the logs of a stop say. Times are RFC 3339
/// texts for people and programs alike; durations are seconds.
public struct StatusSnapshot: Sendable, Equatable, Encodable {
  public var role: String
  public var version: String
  public var time: String
  public var startedAt: String
  public var uptimeSeconds: Double
  public var ready: Bool
  public var targets: [TargetPanel]
  public var log: LogPanel
  public var forwarders: [ForwarderPanel]

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
    public var lastScrapeSeconds: Double?
    public var samples: Int?
    public var nextScrapeInSeconds: Double?
  }

  public struct LogPanel: Sendable, Equatable, Encodable {
    public var directory: String
    public var segments: Int
    public var bytes: Int
    public var limitBytes: Int
    public var rows: UInt64
    public var oldestAt: String?
    public var oldestAgeSeconds: Double?
    public var maxAgeSeconds: Double?
    public var whenFull: String
    public var full: Bool
    public var quarantined: Int
    public var tenants: [TenantPanel]
    /// What a person should know: damage found at opening, a failing disk.
    public var remarks: [String]
  }

  public struct TenantPanel: Sendable, Equatable, Encodable {
    public var tenant: String
    public var rows: UInt64
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
    public var deliveredRows: Int
    public var droppedRows: UInt64
    public var lastDeliveryAt: String?
    public var lastError: String?
    public var lastErrorAt: String?
    public var failuresInARow: Int
    public var alarm: String?
  }
}
