/// Log pushes: Loki's protobuf, Loki's JSON, and the original's batches.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLokiPush(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  LokiPushProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
