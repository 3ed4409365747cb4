/// Dead letters.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLetter(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  LetterProbe.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
