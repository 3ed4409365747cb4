import Codec
import WAL

/// Dead letters as they are read from a disk, and the same with the header's checksum made to fit, so that what stands behind it is
/// reached.
public enum LetterProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    decode(repaired(bytes))
    return decode(bytes)
  }

  @discardableResult
  private static func decode(_ bytes: [UInt8]) -> Bool {
    guard let header = try? DeadLetterHeader(reading: bytes) else { return false }
    precondition(header.encoded().elementsEqual(bytes.prefix(header.byteCount)), "another header came back")
    precondition(header.reason.utf8.count <= DeadLetterHeader.limitReasonBytes)
    guard let letter = try? DeadLetter(decoding: bytes), let opener = try? BlockOpener() else { return false }
    precondition(letter.header == header && letter.tabled.count == letter.blocks.count)
    for tabled in letter.tabled { _ = try? opener.open(tabled.block).resolve(tabled.tables) }
    return true
  }

  static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 64 else { return bytes }
    let name = Int(bytes[6]) | Int(bytes[7]) << 8
    let reason = (0..<4).reduce(0) { $0 | Int(bytes[8 + $1]) << ($1 * 8) }
    let end = 56 + name + reason
    guard end + 8 <= bytes.count else { return bytes }
    var repaired = bytes
    let sum = Checksum.xxh3(Array(bytes[..<end]).span.bytes)
    for i in 0..<8 { repaired[end + i] = UInt8(truncatingIfNeeded: sum >> UInt64(i * 8)) }
    return repaired
  }
}
