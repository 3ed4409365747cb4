/// Whole envelopes, tables and blocks.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEnvelope(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  EnvelopeProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
