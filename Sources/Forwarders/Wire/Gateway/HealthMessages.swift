/// gRPC's health messages: the service that a request asks about, and the answer.
///
/// Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
public enum HealthMessages {
  public enum Status: UInt64, Sendable {
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }

  /// The service of a HealthCheckRequest; empty means the whole server.
  public static func service(of message: [UInt8]) throws(WireError) -> String {
    let bytes = message.span.bytes
    var reader = ProtobufReader(offset: 0, end: message.count)
    var service = ""
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("health request", in: bytes) else { return service }
      if number == 1 { service = try value.bytes("health request: service", at: at).text("health request", in: bytes) }
    }
  }

  /// A HealthCheckResponse.
  public static func response(_ status: Status) -> [UInt8] {
    var out = ProtobufWriter()
    out.varint(1, status.rawValue)
    return out.bytes
  }
}
