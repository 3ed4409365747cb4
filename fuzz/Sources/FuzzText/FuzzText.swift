import Parsing

/// Any bytes as an exposition in the text format: every entry, every series taken apart, every error passed over.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzText(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Span(_unsafeStart: start, count: count)
  var parser = TextParser()
  var series = TextSeries()
  let hash = KeyHash(seed: 1)
  var known: [SeriesKey] = []
  while true {
    let before = parser.offset
    if let key = known.last {
      do {
        if try parser.sample(of: key, by: hash, in: bytes) != nil {
          precondition(parser.offset > before && parser.offset <= count, "an expected sample leads nowhere")
          continue
        }
        precondition(parser.offset == before, "an unexpected line was passed over")
      } catch {
        precondition(parser.offset > before && parser.offset <= count, "an error leads nowhere")
        continue
      }
    }
    do {
      guard let entry = try parser.next(in: bytes) else { break }
      switch entry {
      case .sample(let key, _, _):
        try series.parse(key, in: bytes)
        _ = try series.labels(in: bytes, under: parser.lastType)
        if let key = hash.key(key, in: bytes) { known.append(key) }
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
