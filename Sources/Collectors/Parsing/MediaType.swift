/// A Content-Type header taken apart.
///
/// Source: RFC 2045 section 5.1 and RFC 2183; as strict as Go's mime.ParseMediaType, which Prometheus uses.
struct MediaType: Equatable {
  struct Malformed: Error, Equatable {
    let reason: String
  }

  /// Type and subtype in lower case.
  let name: String
  /// Keys in lower case.
  let parameters: [String: String]

  init(_ header: String) throws(Malformed) {
    var text = Scanner(header)
    let main = text.token()
    guard !main.isEmpty else { throw Malformed(reason: "no media type") }
    var name = main
    if text.take("/") {
      let sub = text.token()
      guard !sub.isEmpty else { throw Malformed(reason: "expected token after slash") }
      name += "/" + sub
    } else if !text.isAtEndOrParameter {
      throw Malformed(reason: "expected slash after first token")
    }
    guard text.isAtEndOrParameter else { throw Malformed(reason: "unexpected content after media subtype") }

    var parameters: [String: String] = [:]
    while text.take(";") {
      text.skipBlanks()
      // A semicolon at the very end is taken.
      if text.isAtEnd { break }
      let key = text.token().lowercased()
      text.skipBlanks()
      guard !key.isEmpty, text.take("=") else { throw Malformed(reason: "invalid media parameter") }
      text.skipBlanks()
      guard let value = text.value() else { throw Malformed(reason: "invalid media parameter") }
      if let known = parameters[key], known != value { throw Malformed(reason: "duplicate parameter name") }
      parameters[key] = value
      text.skipBlanks()
    }
    guard text.isAtEnd else { throw Malformed(reason: "invalid media parameter") }
    self.name = name.lowercased()
    self.parameters = parameters
  }

  private struct Scanner {
    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) {
      bytes = Array(text.utf8)
      skipBlanks()
    }

    var isAtEnd: Bool { at >= bytes.count }

    /// Blanks may stand before a parameter.
    var isAtEndOrParameter: Bool {
      mutating get {
        skipBlanks()
        return isAtEnd || bytes[at] == UInt8(ascii: ";")
      }
    }

    mutating func skipBlanks() {
      while at < bytes.count, bytes[at] == 0x20 || bytes[at] >= 0x09 && bytes[at] <= 0x0D { at += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard at < bytes.count, UInt32(bytes[at]) == character.value else { return false }
      at += 1
      return true
    }

    mutating func token() -> String {
      let start = at
      while at < bytes.count, Self.isToken(bytes[at]) { at += 1 }
      return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    /// A token or a quoted string; nil when it is neither.
    mutating func value() -> String? {
      guard take("\"") else {
        let token = token()
        return token.isEmpty ? nil : token
      }
      var content: [UInt8] = []
      while at < bytes.count {
        let byte = bytes[at]
        at += 1
        switch byte {
        case Byte.quote: return String(decoding: content, as: UTF8.self)
        case Byte.backslash where at < bytes.count && Self.isSpecial(bytes[at]):
          content.append(bytes[at])
          at += 1
        case 0x0A, 0x0D: return nil
        default: content.append(byte)
        }
      }
      return nil
    }

    private static func isSpecial(_ byte: UInt8) -> Bool { "()<>@,;:\\\"/[]?=".utf8.contains(byte) }

    private static func isToken(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F && !isSpecial(byte) }
  }
}
