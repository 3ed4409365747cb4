import Parsing

/// Any bytes as an exposition in the text format: every entry, every series taken apart, every error passed over.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzText(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Span(_unsafeStart: start, count: count)
  var parser = TextParser()
  var series = TextSeries()
  let hash = KeyHash(seed: 1)
  while true {
    let before = parser.offset
    do {
      guard let entry = try parser.next(in: bytes) else { break }
      switch entry {
      case .sample(let key, _, _):
        _ = hash(key, in: bytes)
        try series.parse(key, in: bytes)
        _ = try series.labels(in: bytes, under: parser.lastType)
      case .help(_, let text, _):
        _ = TextParser.unescapedHelp(text, in: bytes)
      case .type, .unit, .comment:
        break
      }
    } catch {
      precondition(error.offset <= count && error.line >= 1, "an error outside of the bytes")
    }
    precondition(parser.offset > before && parser.offset <= count, "the parser stands still or is past the end")
  }
  return 0
}
