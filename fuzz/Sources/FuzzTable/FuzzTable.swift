/// Payloads of tables.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTable(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  TableProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
