import Codec
import Model

/// What the forwarder knows of its directory: where the unfinished file's recorded content ends, and whose rows have been written. Stored as
/// lines of text in one small file, which is replaced as a whole.
///
///     clymene file forwarder state 1
///     generation <cursor generation>
///     counter <number that the next file gets>
///     part <recorded length> <start, milliseconds since 1970> <finished name>     absent when there is none
///     rows <origin, 32 hexadecimal digits> <first>-<last> …                        one line an origin
///     end <XXH3-64 of all bytes before this line, hexadecimal>
struct FileState: Equatable, Sendable {
  struct Part: Equatable, Sendable {
    /// Without the `.part` that it has until it is finished.
    var name: String
    var length: Int
    var started: UnixMilliseconds
  }

  static let name = ".clymene-file-state"
  static let temporaryName = ".clymene-file-state.new"
  static let limitBytes = 1 << 20
  private static let firstLine = "clymene file forwarder state 1"

  var generation: UInt64 = 0
  var counter: UInt64 = 1
  var part: Part?
  var known = KnownRows()

  func encoded() -> [UInt8] {
    var text = "\(Self.firstLine)\ngeneration \(generation)\ncounter \(counter)\n"
    if let part { text += "part \(part.length) \(part.started.rawValue) \(part.name)\n" }
    for (origin, ranges) in known.origins {
      text += "rows \(origin)"
      for range in ranges { text += " \(range.lowerBound)-\(range.upperBound)" }
      text += "\n"
    }
    let bytes = Array(text.utf8)
    return bytes + Array("end \(String(Checksum.xxh3(bytes.span.bytes), radix: 16))\n".utf8)
  }

  /// Nil when the bytes are not a whole state.
  init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.limitBytes, bytes.last == UInt8(ascii: "\n") else { return nil }
    guard let before = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")) else { return nil }
    let covered = bytes[...before]
    let end = String(decoding: bytes[(before + 1)...].dropLast(), as: UTF8.self)
    let checksum = String(Checksum.xxh3(Array(covered).span.bytes), radix: 16)
    guard end == "end \(checksum)" else { return nil }
    var lines = String(decoding: covered, as: UTF8.self).split(separator: "\n")[...]
    guard lines.popFirst() == Self.firstLine[...] else { return nil }
    for line in lines {
      let words = line.split(separator: " ")
      switch (words.first, words.count) {
      case ("generation", 2):
        guard let value = UInt64(words[1]) else { return nil }
        generation = value
      case ("counter", 2):
        guard let value = UInt64(words[1]) else { return nil }
        counter = value
      case ("part", 4):
        guard let length = Int(words[1]), length >= 0, let started = Int64(words[2]) else { return nil }
        part = Part(name: String(words[3]), length: length, started: UnixMilliseconds(started))
      case ("rows", 2...):
        guard let origin = Self.origin(words[1]) else { return nil }
        for word in words[2...] {
          let ends = word.split(separator: "-")
          guard ends.count == 2, let first = UInt64(ends[0]), let last = UInt64(ends[1]), first <= last else {
            return nil
          }
          known.add(first...last, of: origin)
        }
      default: return nil
      }
    }
  }

  init() {}

  private static func origin(_ digits: Substring) -> Origin? {
    guard digits.utf8.count == 32, let low = UInt64(digits.prefix(16), radix: 16),
      let high = UInt64(digits.suffix(16), radix: 16)
    else { return nil }
    return Origin(low: low.byteSwapped, high: high.byteSwapped)
  }
}
