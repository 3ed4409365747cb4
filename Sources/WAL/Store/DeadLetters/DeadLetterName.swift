import Codec

/// A dead letter's file name: its number, to whom it goes, and whether that is to happen.
///
///     00000012-remote.letter      kept; a redrive is a rename to
///     00000012-remote.redrive     the lane of `remote` sends it again
///
/// Letters, digits, `-`, `_` and `.` of the consumer's name stand for themselves, every other byte is `%` and two hexadecimal
/// digits. A name that would then be longer than 200 bytes is cut after 180; `~` and its XXH3-64 follow.
struct DeadLetterName: Equatable, Sendable {
  enum State: String, Sendable {
    case letter
    case redrive
  }

  let number: UInt64
  /// The consumer's name, encoded.
  let address: String
  let state: State

  static let temporarySuffix = ".tmp"
  private static let limitAddressBytes = 200

  init(number: UInt64, consumer: String, state: State) {
    self.number = number
    address = DeadLetterName.address(of: consumer)
    self.state = state
  }

  private init(number: UInt64, address: String, state: State) {
    self.number = number
    self.address = address
    self.state = state
  }

  /// Nil for every file that is no letter's.
  init?(_ file: String) {
    let digits = file.utf8.prefix { (0x30...0x39).contains($0) }
    guard (8...18).contains(digits.count), let number = UInt64(String(decoding: digits, as: UTF8.self)) else {
      return nil
    }
    let rest = file.utf8.dropFirst(digits.count)
    guard rest.first == UInt8(ascii: "-"), let dot = rest.lastIndex(of: UInt8(ascii: ".")),
      let state = State(rawValue: String(decoding: rest[rest.index(after: dot)...], as: UTF8.self))
    else { return nil }
    let address = rest[rest.index(after: rest.startIndex)..<dot]
    guard !address.isEmpty else { return nil }
    self.number = number
    self.address = String(decoding: address, as: UTF8.self)
    self.state = state
    // One letter, one name.
    guard self.file == file else { return nil }
  }

  var file: String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + "-\(address).\(state.rawValue)"
  }

  func with(_ state: State) -> DeadLetterName { DeadLetterName(number: number, address: address, state: state) }

  static func address(of consumer: String) -> String {
    var encoded = ""
    for byte in consumer.utf8 {
      if isPlain(byte) {
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        encoded += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
      }
    }
    guard encoded.utf8.count > limitAddressBytes else { return encoded }
    let sum = String(Checksum.xxh3(Array(consumer.utf8).span.bytes), radix: 16)
    return encoded.prefix(180) + "~" + String(repeating: "0", count: 16 - sum.count) + sum
  }

  /// The consumer's name; nil when only a part of it stands here.
  var consumer: String? {
    var bytes: [UInt8] = []
    var rest = address.utf8[...]
    while let byte = rest.popFirst() {
      if DeadLetterName.isPlain(byte) {
        bytes.append(byte)
      } else if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        return nil
      }
    }
    guard let name = String(validating: bytes, as: UTF8.self), DeadLetterName.address(of: name) == address else {
      return nil
    }
    return name
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39,
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
