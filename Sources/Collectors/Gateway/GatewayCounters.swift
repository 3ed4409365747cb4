import Synchronization

/// What a gateway has done since the start.
public struct GatewayCounters: Sendable, Equatable {
  /// Requests by protocol and by how they were answered, under the names of the labels.
  public var requests: [Request: UInt64] = [:]
  /// Blocks by how they were answered.
  public var blocks: [String: UInt64] = [:]
  public var rows: UInt64 = 0
  public var samples: UInt64 = 0
  public var histograms: UInt64 = 0
  public var exemplars: UInt64 = 0
  public var logEntries: UInt64 = 0
  public var rejectedEntries: UInt64 = 0
  /// As they came over the network.
  public var bytes: UInt64 = 0

  /// Requests of which nothing was taken.
  public var failedRequests: UInt64 {
    requests.reduce(0) { $0 + (["stored", "partly_stored", "asked_again"].contains($1.key.outcome) ? 0 : $1.value) }
  }

  public struct Request: Hashable, Sendable {
    public var path: GatewayPath
    public var outcome: String
  }
}

/// The ways into a gateway, under the names of metrics and pages.
public enum GatewayPath: String, Sendable, CaseIterable {
  case blocksGRPC = "clymene_grpc"
  case blocksHTTP = "clymene_http"
  case originalGRPC = "original_grpc"
  case originalHTTP = "original_http"
  case remoteWrite = "remote_write"
  case loki
  /// A path that nobody has.
  case other
}

final class GatewayCounting: Sendable {
  private let counters = Mutex(GatewayCounters())

  var current: GatewayCounters { counters.withLock { $0 } }

  func update(_ change: (inout sending GatewayCounters) -> Void) { counters.withLock { change(&$0) } }

  func answered(_ path: GatewayPath, _ outcome: String) {
    counters.withLock { $0.requests[GatewayCounters.Request(path: path, outcome: outcome), default: 0] += 1 }
  }
}
