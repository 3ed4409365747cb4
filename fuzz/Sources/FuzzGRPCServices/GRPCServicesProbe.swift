import Wire

/// The messages of gRPC's health and reflection services, and the descriptors that reflection hands out: what decodes can be answered.
public enum GRPCServicesProbe {
  /// Whether the bytes are any of them.
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    let service = try? HealthMessages.service(of: bytes)
    let request = try? ReflectionMessages.request(bytes)
    let file = try? ReflectionMessages.File(decoding: bytes)
    if let file {
      precondition(file.services.allSatisfy(file.symbols.contains), "a service that is no symbol")
      precondition(
        file.symbols.reduce(0) { $0 + $1.utf8.count } <= (bytes.count + 1) * (bytes.count + 1), "names out of nothing")
    }
    if request != nil {
      // It comes back within the answer.
      precondition(
        ReflectionMessages.response(to: bytes, services: ["a"]).count > bytes.count, "the request is not in it")
    }
    return service != nil || request != nil || file != nil
  }
}
