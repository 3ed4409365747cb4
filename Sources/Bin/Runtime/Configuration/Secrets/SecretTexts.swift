import Foundation

/// The secrets of a configuration, to be kept out of everything that is shown: pages, logs, errors of a server that repeats what it
/// was sent. Its own description is how many there are.
public struct SecretTexts: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
  /// What stands in a secret's place.
  public static let mark = "<secret>"
  /// A shorter text would be found by chance everywhere.
  static let leastBytes = 6
  /// Of a secret of several words.
  private static let leastWordBytes = 8
  /// From here on a text is no common word.
  static let unlikelyBytes = 16

  /// Longest first, so that a secret inside another one does not leave the rest behind.
  private var texts: [[UInt8]] = []
  /// First bytes of all of them, for a quick look.
  private var firstBytes: Set<UInt8> = []

  public init() {}

  /// Remembers a value, in the form in which it stands and decoded from a URL, its lines and words (`Basic dXNlcjpwdw==`), and what in
  /// it shows by its look.
  mutating func insert(_ text: String, isCertain: Bool = true) {
    let least = isCertain ? SecretTexts.leastBytes : SecretTexts.unlikelyBytes
    for form in [text, text.removingPercentEncoding ?? text] {
      var parts = form.split(whereSeparator: \.isNewline) + form.split(whereSeparator: \.isWhitespace)
      // The lines that frame a key are no secret, nor are common words.
      parts.removeAll { $0.hasPrefix("-----") || $0.utf8.count < SecretTexts.leastWordBytes }
      let bytes = Array(form.utf8)
      let found = SecretPatterns.find(in: bytes).map { Array(bytes[$0.secret]) }
      for one in [bytes] + parts.map({ Array($0.utf8) }) + found where one.count >= least && !texts.contains(one) {
        texts.append(one)
        firstBytes.insert(one[0])
      }
    }
    texts.sort { $0.count > $1.count }
  }

  /// The text without these secrets, and without others that show by what stands around them.
  public func hide(_ text: String) -> String {
    var bytes = Array(text.utf8)
    // Without one of these nothing below finds anything.
    let signs = [UInt8(ascii: "="), UInt8(ascii: "@"), UInt8(ascii: "-")]
    guard bytes.contains(where: { firstBytes.contains($0) || signs.contains($0) }) else { return text }
    let mark = Array(SecretTexts.mark.utf8)
    for secret in texts {
      var from = 0
      while let found = SecretPatterns.position(of: secret, in: bytes, from: from) {
        bytes.replaceSubrange(found..<found + secret.count, with: mark)
        from = found + mark.count
      }
    }
    for finding in SecretPatterns.find(in: bytes).reversed() { bytes.replaceSubrange(finding.range, with: mark) }
    return String(decoding: bytes, as: UTF8.self)
  }

  public var description: String { "\(texts.count) secrets" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
