/// Damaged segments, put together from pieces; and files of page sums.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSalvage(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  SalvageProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
