import LooseTables
import Model

/// How a pushed body is written, decompressed.
enum PushForm: String, Sendable, CaseIterable {
  /// `prometheus.WriteRequest`, also what the Go original sends.
  case remoteWrite1
  /// `io.prometheus.write.v2.Request`
  case remoteWrite2
  /// `logproto.PushRequest`
  case lokiProtobuf
  case lokiJSON
  /// The Go original's JSON.
  case producerBatch

  var signal: Signal {
    switch self {
    case .remoteWrite1, .remoteWrite2: .metrics
    case .lokiProtobuf, .lokiJSON, .producerBatch: .logs
    }
  }
}

/// Makes rows of a pushed body.
protocol PushReader: Sendable {
  /// Returns the rows and what was left out; throws what is wrong with all of it. Keeps the thread for as long as a bounded body takes.
  /// `isTenantFixed`: by the sender's credentials; what the body says of a tenant does not count then.
  func read(_ body: [UInt8], as form: PushForm, tenant: Tenant, isTenantFixed: Bool) throws(PushError) -> Push
}
