/// Secrets that show by the text around them: user and password in a URL, parameters with a secret's name, private keys.
public enum SecretPatterns {
  public struct Finding: Equatable, Sendable {
    /// Of UTF-8 bytes; what is to be hidden.
    public var range: Range<Int>
    /// What is secret in it, apart from a user's name for example.
    public var secret: Range<Int>
  }

  /// In ascending order, none overlapping another.
  public static func find(in text: [UInt8]) -> [Finding] {
    if let begin = position(of: Array("-----BEGIN ".utf8), in: text, from: 0),
      position(of: Array("PRIVATE KEY".utf8), in: text, from: begin) != nil
    {
      return [Finding(range: 0..<text.count, secret: 0..<text.count)]
    }
    var findings = userInfos(text)
    for parameter in parameters(text) where !findings.contains(where: { $0.range.overlaps(parameter.range) }) {
      findings.append(parameter)
    }
    return findings.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// `user:password@` of a text that is an address without a scheme.
  public static func addressUserInfo(_ text: [UInt8]) -> Finding? {
    guard !text.contains(where: isEnd), let at = text.lastIndex(of: UInt8(ascii: "@")),
      let colon = text[..<at].firstIndex(of: UInt8(ascii: ":")), colon > 0, at + 1 < text.count,
      !text[..<colon].contains(UInt8(ascii: "/"))
    else { return nil }
    return Finding(range: 0..<at, secret: (colon + 1)..<at)
  }

  /// Behind each `://`.
  private static func userInfos(_ text: [UInt8]) -> [Finding] {
    var findings: [Finding] = []
    var from = 0
    while let scheme = position(of: Array("://".utf8), in: text, from: from) {
      let start = scheme + 3
      let end = text[start...].firstIndex(where: isEnd) ?? text.count
      from = start
      var authorityEnd = text[start..<end].firstIndex { [0x2f, 0x3f, 0x23].contains($0) } ?? end
      let colon = text[start..<authorityEnd].firstIndex(of: UInt8(ascii: ":"))
      // What stands behind the colon is no port: a password with a slash that nobody encoded.
      if let colon, !text[start..<authorityEnd].contains(UInt8(ascii: "@")),
        !text[(colon + 1)..<authorityEnd].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
      {
        authorityEnd = end
      }
      guard let at = text[start..<authorityEnd].lastIndex(of: UInt8(ascii: "@")), at > start else { continue }
      let secret = colon.map { $0 < at ? ($0 + 1)..<at : start..<at } ?? start..<at
      findings.append(Finding(range: start..<at, secret: secret))
      from = at
    }
    return findings
  }

  /// `name=value` with a secret's name, as in queries and connection strings.
  private static func parameters(_ text: [UInt8]) -> [Finding] {
    var findings: [Finding] = []
    for (equals, byte) in text.enumerated() where byte == UInt8(ascii: "=") {
      if let last = findings.last, last.range.upperBound > equals { continue }
      let start = text[..<equals].lastIndex { !isNameByte($0) }.map { $0 + 1 } ?? 0
      guard start < equals else { continue }
      let name = String(decoding: text[start..<equals], as: UTF8.self)
      let isOfURL = start > 0 && [0x3f, 0x26].contains(text[start - 1])
      guard (isOfURL ? SecretKeys.kind(ofParameter: name) : SecretKeys.kind(name)) != .none else { continue }
      var from = equals + 1
      var isDone = isParameterEnd
      if from < text.count, text[from] == 0x22 || text[from] == 0x27 {
        let quote = text[from]
        from += 1
        isDone = { $0 == quote }
      }
      let end = text[from...].firstIndex(where: isDone) ?? text.count
      if end > from { findings.append(Finding(range: from..<end, secret: from..<end)) }
    }
    return findings
  }

  static func position(of needle: [UInt8], in text: [UInt8], from: Int) -> Int? {
    guard let first = needle.first, text.count >= needle.count else { return nil }
    var index = from
    while index + needle.count <= text.count {
      if text[index] == first, text[index..<index + needle.count].elementsEqual(needle) { return index }
      index += 1
    }
    return nil
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
      || [0x2d, 0x2e, 0x5f].contains(byte)
  }

  /// Of a URL inside a text.
  private static func isEnd(_ byte: UInt8) -> Bool {
    byte <= 0x20 || [0x22, 0x27, 0x3c, 0x3e, 0x60].contains(byte)
  }

  private static func isParameterEnd(_ byte: UInt8) -> Bool {
    isEnd(byte) || [0x26, 0x3b, 0x23, 0x2c].contains(byte)
  }
}
