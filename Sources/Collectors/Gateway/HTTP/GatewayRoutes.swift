import Model
import Wire

/// What an HTTP request asks for: pure, from its method, path and headers.
enum GatewayRoute: Equatable {
  case health
  case ready
  case blocks
  case push(Push)

  struct Push: Equatable {
    var form: PushForm
    var encoding: BodyEncoding
    /// The status of success.
    var success = 204
    /// Whether the answer says how much was written, as remote write 2.0 has it.
    var saysWritten = false
  }

  /// For figures; nil for health checks.
  static func path(of path: String) -> GatewayPath? {
    switch path {
    case "/-/healthy", "/-/ready", "/ready": nil
    case "/api/v1/blocks": .blocksHTTP
    case "/api/metrics", "/api/logs": .originalHTTP
    case "/api/v1/write": .remoteWrite
    // The latter is Loki's older name for it.
    case "/loki/api/v1/push", "/api/prom/push": .loki
    default: .other
    }
  }

  /// `signal`: the gateway's.
  init(
    method: String, path: String, contentType: String?, contentEncoding: String?, signal: Signal
  ) throws(Refusal) {
    switch path {
    case "/-/healthy", "/-/ready", "/ready":
      guard method == "GET" || method == "HEAD" else { throw Self.wrongMethod(method, path, "GET") }
      self = path == "/-/healthy" ? .health : .ready
      return
    case "/api/v1/blocks":
      guard method == "POST" else { throw Self.wrongMethod(method, path, "POST") }
      self = .blocks
      return
    case "/api/metrics", "/api/v1/write": try Self.check(method, path, .metrics, signal)
    case "/api/logs", "/loki/api/v1/push", "/api/prom/push": try Self.check(method, path, .logs, signal)
    default:
      throw Refusal(.notFound, "\(path): there is nothing here; docs/gateway-protocol.md lists the paths")
    }
    switch path {
    // The original looks at no header.
    case "/api/metrics": self = .push(Push(form: .remoteWrite1, encoding: .snappy))
    case "/api/logs": self = .push(Push(form: .producerBatch, encoding: .plain))
    case "/api/v1/write":
      let form = try Self.remoteWriteForm(contentType)
      let encoding = try Self.encoding(contentEncoding ?? "snappy", among: [.snappy, .zstd])
      self = .push(Push(form: form, encoding: encoding, saysWritten: true))
    default:
      let type = Self.mediaType(contentType)
      try Self.checkParameters(of: contentType)
      switch type {
      case "application/json":
        let encoding = try Self.encoding(contentEncoding, among: [.plain, .gzip, .deflate, .snappy])
        self = .push(Push(form: .lokiJSON, encoding: encoding))
      // Always snappy, as Loki's clients send it, whatever Content-Encoding says. Loki would undo another encoding around the snappy, which nobody sends.
      case "application/x-protobuf", "": self = .push(Push(form: .lokiProtobuf, encoding: .snappy))
      default:
        throw Refusal(
          .unsupported, "Content-Type “\(type)”; application/x-protobuf and application/json are taken here")
      }
    }
  }

  private static func check(_ method: String, _ path: String, _ wanted: Signal, _ signal: Signal) throws(Refusal) {
    guard wanted == signal else {
      throw Refusal(
        .notFound,
        wanted == .logs
          ? "\(path): this gateway takes metrics; logs are taken by the role promtail-gateway"
          : "\(path): this gateway takes logs; metrics are taken by the role gateway")
    }
    guard method == "POST" else { throw wrongMethod(method, path, "POST") }
  }

  private static func wrongMethod(_ method: String, _ path: String, _ allowed: String) -> Refusal {
    Refusal(.wrongMethod, "\(method) \(path): only \(allowed) is possible here")
  }

  /// Source: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/ (Content-Type): without a parameter it is 1.0.
  private static func remoteWriteForm(_ contentType: String?) throws(Refusal) -> PushForm {
    let type = mediaType(contentType)
    let unsupported = Refusal(
      .unsupported,
      "Content-Type “\(contentType ?? "")”; application/x-protobuf is taken here, with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request"
    )
    guard type == "application/x-protobuf" || type.isEmpty else { throw unsupported }
    for parameter in (contentType ?? "").split(separator: ";").dropFirst() {
      let parts = parameter.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\"" } }
      guard parts.count == 2, parts[0].lowercased() == "proto" else { continue }
      switch parts[1] {
      case "prometheus.WriteRequest": return .remoteWrite1
      case "io.prometheus.write.v2.Request": return .remoteWrite2
      default: throw unsupported
      }
    }
    return .remoteWrite1
  }

  private static func encoding(_ header: String?, among allowed: [BodyEncoding]) throws(Refusal) -> BodyEncoding {
    guard let encoding = BodyEncoding(header), allowed.contains(encoding) else {
      throw Refusal(
        .unsupported,
        "Content-Encoding “\(header ?? "")”; taken here: \(allowed.map { $0 == .plain ? "none" : "\($0)" }.joined(separator: ", "))"
      )
    }
    return encoding
  }

  /// Each parameter is a name, “=” and a value: as Loki's own reader wants it. RFC 9110, section 8.3.1.
  private static func checkParameters(of contentType: String?) throws(Refusal) {
    for parameter in (contentType ?? "").split(separator: ";").dropFirst() {
      let parts = parameter.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts.allSatisfy({ !$0.allSatisfy { $0 == " " } }) else {
        throw Refusal(
          .invalid, "Content-Type “\(contentType ?? "")”: a parameter is no name=value; sending it again does not help")
      }
    }
  }

  private static func mediaType(_ header: String?) -> String {
    (header ?? "").split(separator: ";", omittingEmptySubsequences: false).first.map {
      $0.filter { $0 != " " }.lowercased()
    } ?? ""
  }
}
