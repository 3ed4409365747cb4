import Model

/// The entries of an exposition in Prometheus' text format 0.0.4, one after another.
///
/// It follows Prometheus' own parser: names in quotes (`{"my.metric","label.x"="y"} 1`), label values that span lines, blanks in odd
/// places, a last line without its end. Two deliberate differences: blanks before a name are not part of it, and a NUL byte in a
/// comment does not end the exposition.
///
/// A sample's name and labels are only located, at 0.7 GB/s or more, since a scrape loop knows nearly all of them by their bytes;
/// ``TextSeries`` validates and takes apart the ones that it does not know. Who does that for every sample has refused exactly what
/// Prometheus refuses.
///
/// The parser holds positions and no bytes: every call gets the same bytes again.
///
/// Sources: prometheus.io/docs/instrumenting/exposition_formats; prometheus/prometheus, model/textparse (promparse.go, promlex.l).
public struct TextParser: Sendable {
  /// The NaN that a scraped NaN becomes, so that none is taken for a staleness marker.
  ///
  /// Source: prometheus/prometheus, model/value/value.go (NormalNaN).
  public static let canonicalNaN = Double(bitPattern: 0x7ff8_0000_0000_0001)

  /// Where the next entry is looked for.
  public private(set) var offset = 0

  /// What the last `# TYPE` line said, of whatever family. Label values are normalised by it, see ``TextSeries/pairs(in:under:)``.
  public private(set) var lastType = MetricType.unknown

  public init() {}

  /// The next entry, or nil at the end. After an error the parser stands behind the line at fault, so a caller may go on; Prometheus gives
  /// up the whole scrape.
  public mutating func next(in bytes: Span<UInt8>) throws(ExpositionError) -> ExpositionEntry? {
    let end = bytes.count
    var i = offset
    while i < end {
      let byte = bytes[i]
      if Byte.isNameStart(byte) {
        var nameEnd = i &+ 1
        while nameEnd < end, Byte.isNamePart(bytes[nameEnd]) { nameEnd &+= 1 }
        let brace = bytes.skipBlanks(from: nameEnd)
        guard brace < end, bytes[brace] == Byte.braceOpen else {
          return try sample(series: i..<nameEnd, in: bytes)
        }
        return try sample(series: i..<closingBrace(from: brace &+ 1, in: bytes), in: bytes)
      }
      switch byte {
      case Byte.newline, Byte.space, Byte.tab:
        i &+= 1
      case Byte.hash:
        return try metadata(from: i, in: bytes)
      case Byte.braceOpen:
        return try sample(series: i..<closingBrace(from: i &+ 1, in: bytes), in: bytes)
      case Byte.null:
        // Prometheus' lexer takes a NUL where a line begins for the end of the input.
        offset = end
        return nil
      default:
        throw fail(.lineStart, at: i, in: bytes)
      }
    }
    offset = end
    return nil
  }

  /// The sample of the next line, if that line begins with exactly this series; else nil, and nothing has happened.
  ///
  /// Targets write their series in one order, so a scrape loop that offers the key that came next in the last scrape is spared both finding the
  /// key's end and looking it up. `key` is what `hash` made of a series that has passed ``TextSeries/parse(_:in:)``. After nil, go on with
  /// ``next(in:)``.
  public mutating func sample(
    of key: SeriesKey, by hash: borrowing KeyHash, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> (value: Double, timestamp: UnixMilliseconds?)? {
    let end = offset &+ key.count
    // The first byte is looked at to pass over metadata without a hash.
    guard key.count > 0, end < bytes.count, bytes[offset] != Byte.hash else { return nil }
    if bytes[end &- 1] != Byte.braceClose {
      // A bare name, or not the key: it must end here, and no brace may follow.
      guard Byte.isBlank(bytes[end]) else { return nil }
      let next = bytes.skipBlanks(from: end)
      guard next < bytes.count, bytes[next] != Byte.braceOpen else { return nil }
    }
    guard hash.matches(key, offset..<end, in: bytes),
      case .sample(_, let value, let timestamp) = try sample(series: offset..<end, in: bytes)
    else { return nil }
    return (value, timestamp)
  }

  /// The help text with `\\` and `\n` replaced; any other backslash stays.
  public static func unescapedHelp(_ text: Range<Int>, in bytes: Span<UInt8>) -> String {
    bytes.unescaped(text, quotes: false)
  }
}

extension TextParser {
  /// Past the first closing brace outside of quotes, or the end of all bytes. In a valid series that is its end; in any other
  /// ``TextSeries`` finds what is wrong.
  @inline(__always)
  private func closingBrace(from start: Int, in bytes: Span<UInt8>) -> Int {
    var i = start
    while true {
      i = bytes.firstIndex(of: Byte.quote, or: Byte.braceClose, from: i)
      guard i < bytes.count, bytes[i] == Byte.quote else { return min(i &+ 1, bytes.count) }
      i = bytes.closingQuote(from: i &+ 1) &+ 1
    }
  }

  @inline(__always)
  private mutating func sample(
    series: Range<Int>, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> ExpositionEntry {
    let end = bytes.count
    let valueStart = bytes.skipBlanks(from: series.upperBound)
    var i = valueStart
    if let value = ExpositionNumber.decimal(in: bytes, from: &i) {
      if i >= end || bytes[i] == Byte.newline {
        offset = min(i &+ 1, end)
        return .sample(series: series, value: value, timestamp: nil)
      }
      if Byte.isBlank(bytes[i]) {
        let timestamp = try timestamp(series: series, from: i, in: bytes)
        return .sample(series: series, value: value, timestamp: timestamp)
      }
    }
    return try unusualSample(series: series, valueStart: valueStart, in: bytes)
  }

  /// All that is not a short decimal number.
  @inline(never)
  private mutating func unusualSample(
    series: Range<Int>, valueStart: Int, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> ExpositionEntry {
    var end = valueStart
    while end < bytes.count, !Byte.isBlank(bytes[end]), bytes[end] != Byte.newline, bytes[end] != Byte.braceOpen {
      end += 1
    }
    guard end > valueStart else { throw failAfter(series, .valueExpected, at: valueStart, in: bytes) }
    switch ExpositionNumber(valueStart..<end, in: bytes) {
    case .value(let value):
      let timestamp = try timestamp(series: series, from: end, in: bytes)
      return .sample(series: series, value: value, timestamp: timestamp)
    case .malformed: throw failAfter(series, .valueMalformed, at: valueStart, in: bytes)
    case .outOfRange: throw failAfter(series, .valueOutOfRange, at: valueStart, in: bytes)
    }
  }

  /// What stands between the value and the end of the line: nothing, or digits. Leaves `offset` on the next line.
  private mutating func timestamp(
    series: Range<Int>, from start: Int, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> UnixMilliseconds? {
    let first = bytes.skipBlanks(from: start)
    guard first < bytes.count, bytes[first] != Byte.newline else {
      offset = min(first &+ 1, bytes.count)
      return nil
    }
    var milliseconds: Int64 = 0
    var overflow = false
    var i = first
    while i < bytes.count, Byte.isDigit(bytes[i]) {
      let (product, tooLarge) = milliseconds.multipliedReportingOverflow(by: 10)
      let (sum, stillTooLarge) = product.addingReportingOverflow(Int64(bytes[i] &- Byte.zero))
      milliseconds = sum
      overflow = overflow || tooLarge || stillTooLarge
      i &+= 1
    }
    guard i > first else { throw failAfter(series, .timestampExpected, at: first, in: bytes) }
    guard !overflow else { throw failAfter(series, .timestampOutOfRange, at: first, in: bytes) }
    i = bytes.skipBlanks(from: i)
    guard i >= bytes.count || bytes[i] == Byte.newline else {
      throw failAfter(series, .lineBreakExpected, at: i, in: bytes)
    }
    offset = min(i &+ 1, bytes.count)
    return UnixMilliseconds(milliseconds)
  }

  /// The error of a line, after a look at its series: the value may be missing only because a quote or a brace before it is.
  private mutating func failAfter(
    _ series: Range<Int>, _ reason: ExpositionError.Reason, at position: Int, in bytes: Span<UInt8>
  ) -> ExpositionError {
    var syntax = TextSeries()
    do throws(ExpositionError) {
      try syntax.parse(series, in: bytes)
    } catch {
      offset = min(bytes.firstIndex(of: Byte.newline, from: error.offset) + 1, bytes.count)
      return error
    }
    return fail(reason, at: position, in: bytes)
  }

  private mutating func fail(
    _ reason: ExpositionError.Reason, at position: Int, in bytes: Span<UInt8>
  ) -> ExpositionError {
    offset = min(bytes.firstIndex(of: Byte.newline, from: position) + 1, bytes.count)
    return ExpositionError(reason, at: position, in: bytes)
  }

  /// A line that begins with `#`. It is metadata only as `#`, blanks, `HELP` or `TYPE`, blanks; else a comment.
  private mutating func metadata(from start: Int, in bytes: Span<UInt8>) throws(ExpositionError) -> ExpositionEntry {
    let word = bytes.skipBlanks(from: start + 1)
    guard word > start + 1, let keyword = Keyword(at: word, in: bytes) else {
      let lineEnd = bytes.firstIndex(of: Byte.newline, from: start)
      offset = min(lineEnd + 1, bytes.count)
      return .comment(start..<lineEnd)
    }
    let nameStart = bytes.skipBlanks(from: word + Keyword.length)
    var nameEnd = nameStart
    let name: Range<Int>
    if nameStart < bytes.count, bytes[nameStart] == Byte.quote {
      guard let close = bytes.endOfQuoted(from: nameStart, allowingNull: false) else {
        throw fail(.metadataName, at: nameStart, in: bytes)
      }
      nameEnd = close + 1
      name = nameStart + 1..<close
    } else {
      guard nameStart < bytes.count, Byte.isNameStart(bytes[nameStart]) else {
        throw fail(.metadataName, at: nameStart, in: bytes)
      }
      while nameEnd < bytes.count, Byte.isNamePart(bytes[nameEnd]) { nameEnd += 1 }
      name = nameStart..<nameEnd
    }
    // The byte after the name is a separator, whatever it is; all that follows is the text, unless all of it is blank.
    let lineEnd = bytes.firstIndex(of: Byte.newline, from: nameEnd)
    let blank = bytes.skipBlanks(from: nameEnd) >= lineEnd
    let text = blank ? lineEnd..<lineEnd : min(nameEnd + 1, lineEnd)..<lineEnd
    switch keyword {
    case .type:
      guard let type = MetricType(textFormat: text, in: bytes) else {
        throw fail(.unknownType(bytes.string(text.prefix(40))), at: text.lowerBound, in: bytes)
      }
      lastType = type
      offset = min(lineEnd + 1, bytes.count)
      return .type(name: name, type)
    case .help:
      guard bytes.isUTF8(text) else { throw fail(.helpNotUTF8, at: text.lowerBound, in: bytes) }
      offset = min(lineEnd + 1, bytes.count)
      return .help(name: name, text: text, escaped: bytes.holds(Byte.backslash, in: text))
    }
  }

  private enum Keyword {
    case help
    case type
    static let length = 4

    /// Nil unless the word is one of the two and a blank follows it.
    init?(at start: Int, in bytes: Span<UInt8>) {
      guard start + Self.length < bytes.count, Byte.isBlank(bytes[start + Self.length]) else { return nil }
      if bytes.holds("HELP", at: start) {
        self = .help
      } else if bytes.holds("TYPE", at: start) {
        self = .type
      } else {
        return nil
      }
    }
  }
}

extension MetricType {
  /// The five words of the text format.
  init?(textFormat word: Range<Int>, in bytes: Span<UInt8>) {
    let word = bytes.extracting(word)
    if word.equals("gauge") {
      self = .gauge
    } else if word.equals("counter") {
      self = .counter
    } else if word.equals("histogram") {
      self = .histogram
    } else if word.equals("summary") {
      self = .summary
    } else if word.equals("untyped") {
      self = .unknown
    } else {
      return nil
    }
  }
}

extension Range<Int> {
  fileprivate func prefix(_ limit: Int) -> Range<Int> { lowerBound..<Swift.min(upperBound, lowerBound + limit) }
}
