/// Remote write bodies of both versions, behind a byte that says which.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPush(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  PushProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
