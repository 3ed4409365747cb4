import GatewayCollectors
import HTTP
import Model

extension StatusSnapshot {
  /// What a gateway has received since the start.
  public struct GatewayPanel: Sendable, Equatable, Encodable {
    public var signal = "metrics"
    public var rows: UInt64 = 0
    /// Samples and log entries.
    public var entries: UInt64 = 0
    public var bytes: UInt64 = 0
    public var bytesUnderWay = 0
    public var cachedTables = 0
    public var cachedTableBytes = 0
    public var protocols: [ProtocolPanel] = []
    /// Those heard of last, the last one first.
    public var senders: [SenderPanel] = []
    /// All of them.
    public var senderCount = 0

    public init() {}
  }

  /// One way into a gateway.
  public struct ProtocolPanel: Sendable, Equatable, Encodable {
    public var name: String
    /// By how they were answered, under the names of the label `outcome`.
    public var requests: [String: UInt64]
  }

  public struct SenderPanel: Sendable, Equatable, Encodable {
    public var name: String
    public var lastSeenAgeSeconds: Double
    public var requests: UInt64
    public var rows: UInt64
    public var entries: UInt64
    public var bytes: UInt64
    public var errors: UInt64
    public var lastError: String?
  }
}

extension StatusSnapshot.GatewayPanel {
  /// So many senders stand on the page.
  static let senderLimit = 200

  init(_ collector: GatewayCollector, _ signal: Signal, now: ContinuousClock.Instant = .now) {
    self.init()
    let counters = collector.counters
    self.signal = "\(signal)"
    rows = counters.rows
    entries = counters.samples + counters.histograms + counters.logEntries
    bytes = counters.bytes
    bytesUnderWay = collector.bytesUnderWay
    (cachedTables, cachedTableBytes) = collector.cachedTables
    protocols = GatewayPath.allCases.compactMap { path in
      let requests = counters.requests.filter { $0.key.path == path }
      guard !requests.isEmpty else { return nil }
      return StatusSnapshot.ProtocolPanel(
        name: path.rawValue, requests: Dictionary(uniqueKeysWithValues: requests.map { ($0.key.outcome, $0.value) }))
    }
    let known = collector.senders
    senderCount = known.count
    senders = known.sorted { $0.lastSeen > $1.lastSeen }.prefix(Self.senderLimit).map { sender in
      StatusSnapshot.SenderPanel(
        name: sender.name, lastSeenAgeSeconds: max(0, (now - sender.lastSeen).inSeconds), requests: sender.requests,
        rows: sender.rows, entries: sender.entries, bytes: sender.bytes, errors: sender.errors,
        lastError: sender.lastError)
    }
  }

  /// A sender may write into its requests what it likes.
  func hiding(_ secrets: SecretTexts) -> Self {
    var panel = self
    for index in panel.senders.indices {
      panel.senders[index].name = secrets.hide(panel.senders[index].name)
      panel.senders[index].lastError = panel.senders[index].lastError.map(secrets.hide)
    }
    return panel
  }
}
