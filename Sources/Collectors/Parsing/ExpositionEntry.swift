import Model

/// One entry of an exposition. Ranges count bytes of the exposition that was parsed.
public enum ExpositionEntry: Equatable, Sendable {
  /// A sample.
  ///
  /// `series` are the bytes of its name and labels as they stand, without blanks around them: the key under which the caller
  /// remembers the series. They are **located, not validated**: a key that the caller has not seen goes through
  /// ``TextSeries/parse(_:in:)``, and only one that passed may be remembered.
  /// `timestamp` is nil when the exposition gives none. A NaN is always ``TextParser/canonicalNaN``.
  case sample(series: Range<Int>, value: Double, timestamp: UnixMilliseconds?)

  /// A `# TYPE` line. The name stands as written, a quoted one without its quotes and with its escapes.
  case type(name: Range<Int>, MetricType)

  /// A `# HELP` line; the name as in `type`. The text is UTF-8 and, when `escaped`, goes through ``TextParser/unescapedHelp(_:in:)``.
  case help(name: Range<Int>, text: Range<Int>, escaped: Bool)

  /// A `# UNIT` line, which the text format 0.0.4 does not have (there it is a comment).
  case unit(name: Range<Int>, text: Range<Int>)

  /// Any other line that begins with `#`, from there to the end of the line.
  case comment(Range<Int>)
}
