/// Bodies compressed with snappy.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSnappy(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  SnappyProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
