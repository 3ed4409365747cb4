/// Why an exposition was refused, and where. Reading the same bytes again gives the same error; a new scrape may not.
public struct ExpositionError: Error, Equatable, Sendable {
  public enum Reason: Equatable, Sendable {
    /// A line begins with something that is neither a name, a brace, nor a comment.
    case lineStart
    /// `# HELP` or `# TYPE` without a metric's name.
    case metadataName
    /// `# TYPE` with a word that is no type of the format.
    case unknownType(String)
    case helpNotUTF8
    case labelNameExpected
    case equalsExpected
    case labelValueExpected
    case labelValueNotUTF8
    case nameNotUTF8
    case metricNameMissing
    /// A second metric name, in quotes, inside the braces.
    case metricNameRepeated
    case valueExpected
    case valueMalformed
    /// A number too large for a double.
    case valueOutOfRange
    case timestampExpected
    case timestampOutOfRange
    case lineBreakExpected
    /// A label's name stands twice in one series.
    case labelRepeated(String)
    /// The bytes given as a series go on after its end.
    case seriesEndExpected
  }

  public let reason: Reason
  /// Counted from 1.
  public let line: Int
  /// Of the byte that was not expected, from the beginning of the exposition, counted from 0.
  public let offset: Int
  /// The line up to a little past the offset, at most 120 bytes of it, what is not printable as `\xNN`.
  public let excerpt: String
}

extension ExpositionError {
  static let excerptLimitBytes = 120
  private static let bytesAfterOffset = 16

  /// Counts lines only here, so that parsing what is right does not pay for it.
  init(_ reason: Reason, at offset: Int, in bytes: Span<UInt8>) {
    let offset = min(offset, bytes.count)
    var line = 1
    var lineStart = 0
    while true {
      let newline = bytes.firstIndex(of: Byte.newline, from: lineStart)
      guard newline < offset else { break }
      line += 1
      lineStart = newline + 1
    }
    let lineEnd = bytes.firstIndex(of: Byte.newline, from: offset)
    let end = min(lineEnd, offset + Self.bytesAfterOffset)
    let start = max(lineStart, end - Self.excerptLimitBytes)
    self.reason = reason
    self.line = line
    self.offset = offset
    self.excerpt = start < end ? Self.printable(bytes.extracting(start..<end)) : ""
  }

  private static func printable(_ bytes: Span<UInt8>) -> String {
    var text = ""
    for i in bytes.indices {
      let byte = bytes[i]
      if byte >= 0x20, byte < 0x7F {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += byte < 16 ? "\\x0" : "\\x"
        text += String(byte, radix: 16)
      }
    }
    return text
  }
}

extension ExpositionError: CustomStringConvertible {
  public var description: String { "line \(line), byte \(offset): \(reason) in `\(excerpt)`" }
}

extension ExpositionError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .lineStart: "expected a metric name, `{` or `#`"
    case .metadataName: "expected a metric name after HELP or TYPE"
    case .unknownType(let word): "unknown metric type `\(word)`"
    case .helpNotUTF8: "the help text is not UTF-8"
    case .labelNameExpected: "expected a label name or `}`"
    case .equalsExpected: "expected `=` after a label name"
    case .labelValueExpected: "expected a label value in double quotes"
    case .labelValueNotUTF8: "the label value is not UTF-8"
    case .nameNotUTF8: "the name is not UTF-8"
    case .metricNameMissing: "no metric name"
    case .metricNameRepeated: "a second metric name"
    case .valueExpected: "expected a value"
    case .valueMalformed: "the value is not a number"
    case .valueOutOfRange: "the value is too large for a double"
    case .timestampExpected: "expected a timestamp in milliseconds or the end of the line"
    case .timestampOutOfRange: "the timestamp does not fit 64 bits"
    case .lineBreakExpected: "expected the end of the line after the timestamp"
    case .labelRepeated(let name): "label `\(name)` stands twice"
    case .seriesEndExpected: "expected the end of the series"
    }
  }
}
