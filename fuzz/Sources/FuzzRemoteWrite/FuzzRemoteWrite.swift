/// Uncompressed remote write messages.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRemoteWrite(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  RemoteWriteProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
