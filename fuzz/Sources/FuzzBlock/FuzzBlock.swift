/// Payloads of blocks behind checksums that fit.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBlock(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  BlockProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
