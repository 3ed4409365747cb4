import Wire

/// Messages of the gateway's exchange: what decodes comes back after it has been encoded again, within the limits.
public enum GatewayProbe {
  /// Whether the bytes are a request or a response.
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    let request = try? DeliverRequest(decoding: bytes)
    if let request {
      precondition(request.tables.count <= DeliverRequest.limitItems, "more tables than allowed")
      precondition(request.blocks.count <= DeliverRequest.limitItems, "more blocks than allowed")
      precondition((try? DeliverRequest(decoding: request.encoded())) == request, "another request came back")
    }
    let response = try? DeliverResponse(decoding: bytes)
    if let response {
      precondition(response.answers.count <= DeliverRequest.limitItems, "more answers than allowed")
      precondition((try? DeliverResponse(decoding: response.encoded())) == response, "another response came back")
    }
    return request != nil || response != nil
  }
}
