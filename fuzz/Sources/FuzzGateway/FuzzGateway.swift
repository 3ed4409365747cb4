/// Requests and responses of the gateway's exchange.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGateway(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  GatewayProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
