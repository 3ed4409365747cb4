import GRPCCore

/// The gRPC methods by which gateways are spoken to: Clymene's own, and the two of the Go original.
public enum GatewayMethods {
  /// A stream of `DeliverRequest`, answered by a stream of `DeliverResponse`.
  public static let deliver = MethodDescriptor(fullyQualifiedService: "clymene.v1.Gateway", method: "Deliver")
  /// The original's, unary: `prometheus.WriteRequest`, answered by an empty message.
  public static let requestMetrics = MethodDescriptor(
    fullyQualifiedService: "prometheus.ClymeneService", method: "RequestMetrics")
  /// The original's, unary: `logproto.Batch`, answered by an empty message.
  public static let transferBatch = MethodDescriptor(
    fullyQualifiedService: "logproto.Gateway", method: "TransferBatch")
}

/// Messages as the bytes that they are: `Wire` encodes and decodes them.
public struct BytesCoder: MessageSerializer, MessageDeserializer {
  public init() {}

  public func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

  public func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> [UInt8] {
    serializedMessageBytes.withUnsafeBytes { Array($0) }
  }
}
