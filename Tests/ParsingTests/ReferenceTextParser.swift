import Model

@testable import Parsing

/// The text format as a lexer with states and a parser over its tokens, written for plainness: a second opinion for random bodies.
///
/// Like Prometheus' own it knows no difference between locating and validating.
struct ReferenceTextParser {
  enum Token: Equatable {
    case end, lineBreak, help, type, text, comment, name, quoted, open, close, label, value, comma, equals, number,
      digits, invalid
  }

  enum State { case start, comment, metaName, metaText, labels, labelValue, value, timestamp }

  struct Refused: Error {}

  let bytes: [UInt8]
  var state = State.start
  var at = 0
  var from = 0
  var lastType = MetricType.unknown

  /// Every line ends, the last one as well.
  init(_ body: [UInt8]) { bytes = body + [Byte.newline] }

  static func parse(_ body: [UInt8]) -> [Entry]? {
    var parser = ReferenceTextParser(body)
    var entries: [Entry] = []
    do {
      while let entry = try parser.entry() { entries.append(entry) }
    } catch {
      return nil
    }
    return entries
  }

  // MARK: The lexer

  private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

  /// The next token that is not blank.
  mutating func token() -> Token {
    while let blank = byte, Byte.isBlank(blank) {
      // The text of a metadata line begins with the blank after the name, unless there are only blanks.
      if state == .metaText, !restOfLineIsBlank { break }
      at += 1
    }
    from = at
    guard let first = byte else { return .end }
    switch state {
    case .start:
      if first == Byte.null { return .end }
      if first == Byte.newline { return one(.lineBreak) }
      if first == Byte.hash { return comment() }
      if first == Byte.braceOpen { return one(.open, then: .labels) }
      return word(.name, then: .value, start: Byte.isNameStart, rest: Byte.isNamePart)
    case .comment: return .invalid
    case .metaName:
      if first == Byte.quote { return quoted(.name, then: .metaText, allowingNull: false) }
      return word(.name, then: .metaText, start: Byte.isNameStart, rest: Byte.isNamePart)
    case .metaText:
      skip { $0 != Byte.newline }
      state = .start
      return .text
    case .labels:
      switch first {
      case Byte.braceClose: return one(.close, then: .value)
      case Byte.equals: return one(.equals, then: .labelValue)
      case Byte.comma: return one(.comma, then: .labels)
      case Byte.quote: return quoted(.quoted, then: .labels, allowingNull: false)
      default: return word(.label, then: .labels, start: Byte.isLabelStart, rest: Byte.isLabelPart)
      }
    case .labelValue:
      return first == Byte.quote ? quoted(.value, then: .labels, allowingNull: true) : .invalid
    case .value:
      if first == Byte.braceOpen { return one(.open, then: .labels) }
      skip { $0 != Byte.braceOpen && !Byte.isBlank($0) && $0 != Byte.newline }
      state = .timestamp
      return at > from ? .number : .invalid
    case .timestamp:
      if first == Byte.newline { return one(.lineBreak, then: .start) }
      skip(while: Byte.isDigit)
      return at > from ? .digits : .invalid
    }
  }

  private var restOfLineIsBlank: Bool {
    bytes[at...].prefix { $0 != Byte.newline }.allSatisfy(Byte.isBlank)
  }

  private mutating func skip(while holds: (UInt8) -> Bool) {
    while let byte, holds(byte) { at += 1 }
  }

  private mutating func one(_ token: Token, then next: State = .start) -> Token {
    at += 1
    state = next
    return token
  }

  private mutating func word(
    _ token: Token, then next: State, start: (UInt8) -> Bool, rest: (UInt8) -> Bool
  ) -> Token {
    guard let byte, start(byte) else { return .invalid }
    skip(while: rest)
    state = next
    return token
  }

  private mutating func quoted(_ token: Token, then next: State, allowingNull: Bool) -> Token {
    at += 1
    while let byte, byte != Byte.quote {
      if byte == Byte.null, !allowingNull { return .invalid }
      at += 1
      guard byte == Byte.backslash else { continue }
      guard let escaped = self.byte, escaped != Byte.newline else { return .invalid }
      if escaped == Byte.null, !allowingNull { return .invalid }
      at += 1
    }
    guard byte != nil else { return .invalid }
    at += 1
    state = next
    return token
  }

  private mutating func comment() -> Token {
    at += 1
    let blanks = at
    skip(while: Byte.isBlank)
    for (keyword, token) in [("HELP", Token.help), ("TYPE", Token.type)] where at > blanks {
      let end = at + keyword.utf8.count
      if end < bytes.count, bytes[at..<end].elementsEqual(keyword.utf8), Byte.isBlank(bytes[end]) {
        at = end
        state = .metaName
        return token
      }
    }
    skip { $0 != Byte.newline }
    return .comment
  }

  // MARK: The parser

  private func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  private mutating func entry() throws -> Entry? {
    while true {
      let start = token()
      var entry = Entry()
      switch start {
      case .end: return nil
      case .lineBreak: continue
      case .comment:
        entry.kind = "comment"
        entry.text = string(from..<at)
        return entry
      case .help, .type:
        guard token() == .name else { throw Refused() }
        entry.metric = bytes[from] == Byte.quote ? string(from + 1..<at - 1) : string(from..<at)
        guard token() == .text else { throw Refused() }
        let text = string(min(from + 1, at)..<at)
        if start == .help {
          guard String(validating: bytes[min(from + 1, at)..<at], as: UTF8.self) != nil else { throw Refused() }
          entry.kind = "help"
          entry.text = unescape(text, quotes: false)
        } else {
          entry.kind = "type"
          guard ["counter", "gauge", "histogram", "summary", "untyped"].contains(text) else { throw Refused() }
          entry.text = text == "untyped" ? "unknown" : text
          lastType = MetricType.allCases.first { "\($0)" == entry.text } ?? .unknown
        }
        return entry
      case .name, .open: return try sample(start)
      default: throw Refused()
      }
    }
  }

  private mutating func sample(_ start: Token) throws -> Entry {
    var entry = Entry()
    entry.kind = "series"
    let seriesStart = from
    var seriesEnd = at
    var pairs: [(String, String)] = []
    var name: String? = start == .name ? string(from..<at) : nil
    var next = start == .name ? token() : .open
    if next == .open {
      try labels(&pairs, &name)
      seriesEnd = at
      next = token()
    }
    guard let name, next == .number else { throw Refused() }
    entry.labels["__name__"] = name
    for (label, value) in pairs {
      let bound = lastType == .histogram && label == "le" || lastType == .summary && label == "quantile"
      entry.labels[label] = bound ? OpenMetricsFloat.normalised(value) : value
    }
    entry.series = string(seriesStart..<seriesEnd)
    guard case .value(let number) = ExpositionNumber(from..<at, in: bytes.span) else { throw Refused() }
    entry.value = number.bitPattern
    next = token()
    if next == .digits {
      guard let timestamp = Int64(string(from..<at)) else { throw Refused() }
      entry.timestamp = timestamp
      next = token()
    }
    guard next == .lineBreak else { throw Refused() }
    return entry
  }

  private mutating func labels(_ pairs: inout [(String, String)], _ name: inout String?) throws {
    var next = token()
    while next != .close {
      guard next == .label || next == .quoted else { throw Refused() }
      let isQuoted = next == .quoted
      let range = isQuoted ? from + 1..<at - 1 : from..<at
      guard let raw = String(validating: bytes[range], as: UTF8.self) else { throw Refused() }
      next = token()
      if isQuoted, next == .comma || next == .close {
        guard name == nil else { throw Refused() }
        name = unescape(raw, quotes: true)
        if next == .comma { next = token() }
        continue
      }
      guard next == .equals, token() == .value,
        let value = String(validating: bytes[from + 1..<at - 1], as: UTF8.self)
      else { throw Refused() }
      pairs.append((unescape(raw, quotes: true), unescape(value, quotes: true)))
      next = token()
      if next == .comma { next = token() }
    }
  }

  private func unescape(_ text: String, quotes: Bool) -> String {
    var plain: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == Byte.backslash, let escaped = rest.first {
        if escaped == Byte.backslash || escaped == Byte.n || quotes && escaped == Byte.quote {
          plain.append(escaped == Byte.n ? Byte.newline : escaped)
          rest.removeFirst()
          continue
        }
      }
      plain.append(byte)
    }
    return String(decoding: plain, as: UTF8.self)
  }
}
