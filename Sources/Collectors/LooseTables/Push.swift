import Codec
import Model

// What a push protocol's request becomes. The readers (`MetricsIntake`, `LogsIntake`) turn a request's uncompressed body into rows over tables that
// hardly change: series are interned, per tenant, into tables of up to 4,096 in the order of first sight, and known ones are found again by a
// keyed hash of their bytes, without building a string.

/// What one sender, or one tenant, may push.
public struct PushLimits: Sendable, Equatable {
  /// Series (or streams) that a tenant may have alive at once: past it a request with new ones is answered "too many" and known ones go on.
  public var seriesPerTenant = 1_000_000
  /// Series that all tenants together may have interned. One of long labels counts once for each 512 bytes of them begun.
  public var seriesOfAllTenants = 4_000_000
  public var labelsPerSeries = 128
  public var labelNameBytes = 1024
  public var labelValueBytes = 16_384
  /// Of one log line.
  public var lineBytes = 256 << 10

  public init() {}
}

/// Why a whole request was not taken. Its description is for the sender.
public enum PushError: Error, Sendable, Equatable, CustomStringConvertible {
  /// It is not what the protocol says (400): sending it again never helps.
  case invalid(String)
  /// A limit for requests (413).
  case tooLarge(String)
  /// The tenant has too many series (429): known ones are still taken.
  case tooManySeries(String)

  public var description: String {
    switch self {
    case .invalid(let text), .tooLarge(let text), .tooManySeries(let text): text
    }
  }
}

/// A request's rows, and what of it was not taken.
public struct Push: Sendable {
  /// Nil when there is nothing to store.
  public var rows: RowBatch?
  public var written = Counts()
  /// Samples, histograms, exemplars or entries that were left out although the rest is good, by reason.
  public var rejected: [Rejection] = []

  public struct Counts: Sendable, Equatable {
    public var samples = 0
    public var histograms = 0
    public var exemplars = 0
    public var entries = 0

    public init() {}
  }

  public struct Rejection: Sendable, Equatable {
    /// Whether sending it again later may help: too many series, not a label without a name.
    public var isTemporary: Bool
    /// For the sender: what, where, the numbers seen and allowed.
    public var reason: String
    public var count: Int

    public init(isTemporary: Bool, reason: String, count: Int) {
      self.isTemporary = isTemporary
      self.reason = reason
      self.count = count
    }
  }

  public init(rows: RowBatch? = nil) { self.rows = rows }
}
