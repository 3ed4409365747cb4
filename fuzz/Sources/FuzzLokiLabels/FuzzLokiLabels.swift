/// Label texts of log streams.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLokiLabels(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  LokiLabelsProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
