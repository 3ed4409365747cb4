/// Messages of gRPC's health and reflection services, and descriptors.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGRPCServices(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  GRPCServicesProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
