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

  /// gRPC's own.
  public static let healthCheck = MethodDescriptor(fullyQualifiedService: "grpc.health.v1.Health", method: "Check")
  public static let healthWatch = MethodDescriptor(fullyQualifiedService: "grpc.health.v1.Health", method: "Watch")
  public static let reflection = MethodDescriptor(
    fullyQualifiedService: "grpc.reflection.v1.ServerReflection", method: "ServerReflectionInfo")
  public static let reflectionAlpha = MethodDescriptor(
    fullyQualifiedService: "grpc.reflection.v1alpha.ServerReflection", method: "ServerReflectionInfo")
}

/// Messages as the bytes that they are: `Wire` encodes and decodes them.
public struct BytesCoder: MessageSerializer, MessageDeserializer {
  public init() {}

  public func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

  public func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> [UInt8] {
    serializedMessageBytes.withUnsafeBytes { Array($0) }
  }
}
