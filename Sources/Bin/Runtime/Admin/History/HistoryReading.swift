import Model

/// What the history is made of: counters and levels at one moment.
struct HistoryReading: Sendable, Equatable {
  /// By a clock that only goes forward, from any beginning.
  var seconds: Double
  /// By the machine's clock, for people.
  var time: UnixMilliseconds
  var samples: UInt64 = 0
  var failedScrapes: UInt64 = 0
  var appendedRows: UInt64 = 0
  var logBytes: UInt64 = 0
  /// Nil where there is no /proc.
  var cpuSeconds: Double?
  var residentBytes: Int?
  var forwarders: [Forwarder] = []

  struct Forwarder: Sendable, Equatable {
    var name: String
    /// Samples and log entries.
    var deliveredEntries: Int = 0
    var deliveredRows: Int = 0
    var sentBytes: Int = 0
    var waitingRows: UInt64 = 0
    /// Age of the oldest row that waits; 0 when none does.
    var waitingSeconds: Double = 0
  }
}
