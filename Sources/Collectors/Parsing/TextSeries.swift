import Model

/// The name and labels of one series, taken apart and validated; a reusable value, so that a caller for whom every series is new
/// allocates nothing here.
///
/// Grammar, blanks (space, tab) allowed between any two parts:
///
///     series = name [ "{" labels "}" ] | "{" labels "}"
///     labels = [ item { [","] item } [","] ]
///     item   = label "=" value | quoted            a lone quoted string is the metric's name
///     label  = [a-zA-Z_][a-zA-Z_0-9]* | quoted
///
/// A lone quoted name must be followed by a comma or the closing brace; the comma between two labels may be missing (Prometheus takes that, too).
public struct TextSeries: Sendable {
  /// One label. Ranges are without quotes.
  public struct Part: Sendable, Equatable {
    public var name: Range<Int>
    public var value: Range<Int>
    /// A backslash stands in the name or the value.
    public var escaped: Bool
  }

  /// Of the metric; without quotes.
  public private(set) var name: Range<Int> = 0..<0
  /// A backslash stands in the name.
  public private(set) var nameEscaped = false
  /// In the order in which they stand. A name may be there twice; ``labels(in:under:)`` refuses that.
  public private(set) var parts: [Part] = []

  public init() {}

  /// Validates the bytes of a series. Throws what is wrong first; the series is then empty or incomplete.
  public mutating func parse(_ series: Range<Int>, in bytes: Span<UInt8>) throws(ExpositionError) {
    parts.removeAll(keepingCapacity: true)
    name = series.lowerBound..<series.lowerBound
    nameEscaped = false
    var i = bytes.skipBlanks(from: series.lowerBound)
    var named = false
    if i < bytes.count, Byte.isNameStart(bytes[i]) {
      let start = i
      while i < bytes.count, Byte.isNamePart(bytes[i]) { i &+= 1 }
      name = start..<i
      named = true
      let brace = bytes.skipBlanks(from: i)
      if brace < bytes.count, bytes[brace] == Byte.braceOpen { i = brace }
    }
    if i < bytes.count, bytes[i] == Byte.braceOpen {
      i = try items(from: i &+ 1, named: &named, in: bytes)
    }
    guard named else { throw ExpositionError(.metricNameMissing, at: series.lowerBound, in: bytes) }
    guard i == series.upperBound else {
      throw ExpositionError(.seriesEndExpected, at: min(i, series.upperBound), in: bytes)
    }
  }

  /// Past the closing brace.
  private mutating func items(
    from start: Int, named: inout Bool, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> Int {
    var i = bytes.skipBlanks(from: start)
    while true {
      guard i < bytes.count else { throw ExpositionError(.labelNameExpected, at: i, in: bytes) }
      let first = bytes[i]
      let label: Range<Int>
      var escaped = false
      if Byte.isLabelStart(first) {
        let labelStart = i
        while i < bytes.count, Byte.isLabelPart(bytes[i]) { i &+= 1 }
        label = labelStart..<i
        i = bytes.skipBlanks(from: i)
      } else if first == Byte.quote {
        guard let close = bytes.endOfQuoted(from: i, allowingNull: false) else {
          throw ExpositionError(.labelNameExpected, at: i, in: bytes)
        }
        label = i &+ 1..<close
        guard bytes.isUTF8(label) else { throw ExpositionError(.nameNotUTF8, at: label.lowerBound, in: bytes) }
        escaped = bytes.holds(Byte.backslash, in: label)
        i = bytes.skipBlanks(from: close &+ 1)
        if i < bytes.count, bytes[i] == Byte.comma || bytes[i] == Byte.braceClose {
          guard !named else { throw ExpositionError(.metricNameRepeated, at: label.lowerBound, in: bytes) }
          named = true
          name = label
          nameEscaped = escaped
          if bytes[i] == Byte.braceClose { return i &+ 1 }
          i = bytes.skipBlanks(from: i &+ 1)
          continue
        }
      } else if first == Byte.braceClose {
        return i &+ 1
      } else {
        throw ExpositionError(.labelNameExpected, at: i, in: bytes)
      }
      guard i < bytes.count, bytes[i] == Byte.equals else { throw ExpositionError(.equalsExpected, at: i, in: bytes) }
      i = bytes.skipBlanks(from: i &+ 1)
      let value = try quotedValue(from: i, escaped: &escaped, in: bytes)
      parts.append(Part(name: label, value: value, escaped: escaped))
      i = bytes.skipBlanks(from: value.upperBound &+ 1)
      if i < bytes.count, bytes[i] == Byte.comma { i = bytes.skipBlanks(from: i &+ 1) }
    }
  }

  /// The content of the quotes that open at `start`. It may span lines and hold NUL, but is UTF-8.
  @inline(__always)
  private func quotedValue(
    from start: Int, escaped: inout Bool, in bytes: Span<UInt8>
  ) throws(ExpositionError) -> Range<Int> {
    guard start < bytes.count, bytes[start] == Byte.quote else {
      throw ExpositionError(.labelValueExpected, at: start, in: bytes)
    }
    var close = bytes.firstIndex(of: Byte.quote, or: Byte.backslash, from: start &+ 1)
    if close < bytes.count, bytes[close] == Byte.backslash {
      escaped = true
      close = bytes.endOfQuoted(from: start, allowingNull: true) ?? bytes.count
    }
    guard close < bytes.count else { throw ExpositionError(.labelValueExpected, at: start, in: bytes) }
    let value = start &+ 1..<close
    guard bytes.isUTF8(value) else { throw ExpositionError(.labelValueNotUTF8, at: value.lowerBound, in: bytes) }
    return value
  }
}

extension TextSeries {
  /// The metric's name, unescaped.
  public func metricName(in bytes: Span<UInt8>) -> String {
    nameEscaped ? bytes.unescaped(name, quotes: true) : bytes.string(name)
  }

  /// The labels as they stand, the metric's name first, unescaped; repeated names and empty values among them.
  ///
  /// As Prometheus does, `le` under a histogram and `quantile` under a summary are written the one way that OpenMetrics has (`1` becomes
  /// `1.0`); `type` is what the last `# TYPE` line before the sample said, ``TextParser/lastType``.
  public func pairs(in bytes: Span<UInt8>, under type: MetricType) -> [Label] {
    var pairs: [Label] = []
    pairs.reserveCapacity(parts.count + 1)
    pairs.append(Label(Labels.metricNameLabel, metricName(in: bytes)))
    for part in parts { pairs.append(label(part, in: bytes, under: type)) }
    return pairs
  }

  /// The series' labels. Throws when a label's name stands twice, or the metric's name is also given as `__name__`: the parser of Prometheus takes
  /// that, but its storage refuses the sample and with it the scrape. Empty values are kept, since relabelling decides about them.
  public func labels(in bytes: Span<UInt8>, under type: MetricType) throws(ExpositionError) -> Labels {
    let labels = Labels(sortedPairs(in: bytes, under: type))
    guard labels.pairs.count == parts.count + 1 else { throw repeated(in: bytes) }
    return labels
  }

  /// The pairs, sorted by the bytes of their names where these can be compared as they stand; that spares `Labels` the sorting, which costs
  /// far more on strings.
  private func sortedPairs(in bytes: Span<UInt8>, under type: MetricType) -> [Label] {
    // Sorting by insertion is quadratic, so not for a series that somebody made to be slow.
    guard parts.count <= Self.limitSortedHere else { return pairs(in: bytes, under: type) }
    var sorted = parts
    for i in parts.indices {
      guard !parts[i].escaped else { return pairs(in: bytes, under: type) }
      var at = i
      while at > 0, bytes.precedes(sorted[at].name, sorted[at - 1].name) {
        sorted.swapAt(at, at - 1)
        at -= 1
      }
    }
    var pairs: [Label] = []
    pairs.reserveCapacity(sorted.count + 1)
    var named = false
    for part in sorted {
      if !named, !bytes.precedes(part.name, Labels.metricNameLabel) {
        pairs.append(Label(Labels.metricNameLabel, metricName(in: bytes)))
        named = true
      }
      pairs.append(label(part, in: bytes, under: type))
    }
    if !named { pairs.append(Label(Labels.metricNameLabel, metricName(in: bytes))) }
    return pairs
  }

  private static let limitSortedHere = 64

  private func label(_ part: Part, in bytes: Span<UInt8>, under type: MetricType) -> Label {
    let name = part.escaped ? bytes.unescaped(part.name, quotes: true) : bytes.string(part.name)
    let value = part.escaped ? bytes.unescaped(part.value, quotes: true) : bytes.string(part.value)
    let isBound = type == .histogram && name == "le" || type == .summary && name == "quantile"
    return Label(name, isBound ? OpenMetricsFloat.normalised(value) : value)
  }

  private func repeated(in bytes: Span<UInt8>) -> ExpositionError {
    var seen: Set<String> = [Labels.metricNameLabel]
    for part in parts {
      let label = part.escaped ? bytes.unescaped(part.name, quotes: true) : bytes.string(part.name)
      if !seen.insert(label).inserted {
        return ExpositionError(.labelRepeated(label), at: part.name.lowerBound, in: bytes)
      }
    }
    return ExpositionError(.labelRepeated(""), at: name.lowerBound, in: bytes)
  }
}
