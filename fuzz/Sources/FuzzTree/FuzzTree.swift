import CTreeWalk

/// LMDB files, for the checks that come before LMDB sees them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTree(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  TreeProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
