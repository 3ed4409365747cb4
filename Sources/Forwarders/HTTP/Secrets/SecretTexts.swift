import Foundation

/// Secrets that are known, to be kept out of everything that is shown: pages, logs, errors of a server that repeats what it was sent.
/// Its own description is how many there are.
public struct SecretTexts: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
  /// What stands in a secret's place.
  public static let mark = "<secret>"
  /// A shorter text would be found by chance everywhere.
  public static let leastBytes = 6
  /// Of a secret of several words.
  private static let leastWordBytes = 8
  /// From here on a text is no common word.
  static let unlikelyBytes = 16
  /// Of one that was sent to the very server whose words are shown: it is more likely repeated than found by chance. Nothing shorter is kept.
  static let leastSentBytes = 4

  /// By their first four bytes, longest first.
  private var texts: [UInt32: [[UInt8]]] = [:]
  /// Whether one of them begins with the byte; for a quick look.
  private var isFirstByte = [Bool](repeating: false, count: 256)

  public init() {}

  /// Remembers a value, in the form in which it stands and decoded from a URL, its lines and words (`Basic dXNlcjpwdw==`), and what in
  /// it shows by its look.
  public mutating func insert(_ text: String, isCertain: Bool = true) {
    insert(text, leastBytes: isCertain ? SecretTexts.leastBytes : SecretTexts.unlikelyBytes)
  }

  mutating func insert(_ text: String, leastBytes: Int) {
    for form in [text, text.removingPercentEncoding ?? text] {
      var parts = form.split(whereSeparator: \.isNewline) + form.split(whereSeparator: \.isWhitespace)
      // The lines that frame a key are no secret, nor are common words.
      parts.removeAll { $0.hasPrefix("-----") || $0.utf8.count < SecretTexts.leastWordBytes }
      let bytes = Array(form.utf8)
      let found = SecretPatterns.find(in: bytes).map { Array(bytes[$0.secret]) }
      for one in [bytes] + parts.map({ Array($0.utf8) }) + found where one.count >= leastBytes { insert(one) }
    }
  }

  /// Remembers only what in the text shows by its look, as the password in a URL.
  mutating func insert(foundIn text: String, leastBytes: Int) {
    let bytes = Array(text.utf8)
    for finding in SecretPatterns.find(in: bytes) {
      insert(String(decoding: bytes[finding.secret], as: UTF8.self), leastBytes: leastBytes)
    }
  }

  private mutating func insert(_ secret: [UInt8]) {
    guard let start = SecretTexts.start(of: secret, at: 0) else { return }
    var alike = texts[start] ?? []
    guard !alike.contains(secret) else { return }
    alike.insert(secret, at: alike.firstIndex { $0.count < secret.count } ?? alike.count)
    texts[start] = alike
    isFirstByte[Int(secret[0])] = true
  }

  private static func start(of text: [UInt8], at index: Int) -> UInt32? {
    guard text.count - index >= leastSentBytes else { return nil }
    return text[index..<index + leastSentBytes].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The text without these secrets, and without others that show by what stands around them. Takes time by the text's length, hardly by the
  /// number of secrets.
  public func hide(_ text: String) -> String {
    var bytes = Array(text.utf8)
    // Without one of these nothing below finds anything.
    let signs = [UInt8(ascii: "="), UInt8(ascii: "@"), UInt8(ascii: "-")]
    guard bytes.contains(where: { isFirstByte[Int($0)] || signs.contains($0) }) else { return text }
    bytes = SecretTexts.marking(places(in: bytes), in: bytes)
    return String(decoding: SecretTexts.marking(SecretPatterns.find(in: bytes).map(\.range), in: bytes), as: UTF8.self)
  }

  /// In ascending order. Secrets that overlap are one, so that none leaves a rest of another.
  private func places(in text: [UInt8]) -> [Range<Int>] {
    var places: [Range<Int>] = []
    for index in text.indices where isFirstByte[Int(text[index])] {
      guard let start = SecretTexts.start(of: text, at: index), let alike = texts[start],
        let secret = alike.first(where: { text[index...].starts(with: $0) })
      else { continue }
      if let last = places.last, index < last.upperBound {
        places[places.count - 1] = last.lowerBound..<max(last.upperBound, index + secret.count)
      } else {
        places.append(index..<index + secret.count)
      }
    }
    return places
  }

  private static func marking(_ places: [Range<Int>], in text: [UInt8]) -> [UInt8] {
    var shown: [UInt8] = []
    var end = 0
    for place in places {
      shown += text[end..<place.lowerBound]
      shown += mark.utf8
      end = place.upperBound
    }
    return shown + text[end...]
  }

  public var description: String { "\(texts.values.reduce(0) { $0 + $1.count }) secrets" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
