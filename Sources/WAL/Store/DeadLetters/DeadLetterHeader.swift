import Codec
import Model

/// What stands in front of the blocks of a dead letter: whose they are, and why they were not delivered.
///
///     offset  bytes  field
///     0       4      magic "CLMD"
///     4       1      format version, 1
///     5       1      0
///     6       2      bytes of the consumer's name, 1 to 200
///     8       4      bytes of the reason, at most 4,096
///     12      4      attempts
///     16      8      generation of the consumer's cursor
///     24      8      refused last, by the wall clock, ms since 1970
///     32      8      rows of all blocks
///     40      8      samples or log entries of all blocks
///     48      8      bytes of the envelope behind the header
///     56      …      the consumer's name, then the reason, both UTF-8
///     …       8      XXH3-64 of everything before
///
/// The envelope (`Envelope`: tables, then blocks, unchanged) follows at once and ends with the file.
public struct DeadLetterHeader: Sendable, Equatable {
  public static let magic: [UInt8] = Array("CLMD".utf8)
  public static let version: UInt8 = 1
  public static let limitReasonBytes = 4096
  static let limitConsumerBytes = 200
  private static let fixedBytes = 56
  /// No header is longer.
  static let limitBytes = fixedBytes + limitConsumerBytes + limitReasonBytes + 8

  /// Whose cursor the rows came from; who gets them at a redrive is in the file's name.
  public let consumer: String
  /// Of the cursor when the rows were read.
  public let generation: UInt64
  /// When they were refused last, by the wall clock.
  public let refused: UnixMilliseconds
  /// How often they were sent.
  public let attempts: UInt32
  public let rows: UInt64
  /// Samples or log entries.
  public let entries: UInt64
  public let envelopeBytes: UInt64
  /// The destination's answer, at most 4,096 bytes.
  public let reason: String

  init(
    consumer: String, generation: UInt64, refused: UnixMilliseconds, attempts: UInt32, rows: UInt64, entries: UInt64,
    envelopeBytes: UInt64, reason: String
  ) {
    self.consumer = consumer
    self.generation = generation
    self.refused = refused
    self.attempts = attempts
    self.rows = rows
    self.entries = entries
    self.envelopeBytes = envelopeBytes
    self.reason = DeadLetterHeader.bounded(reason)
  }

  /// The same rows, refused once more.
  func refusedAgain(at time: UnixMilliseconds, reason: String) -> DeadLetterHeader {
    DeadLetterHeader(
      consumer: consumer, generation: generation, refused: time, attempts: attempts == .max ? .max : attempts + 1,
      rows: rows, entries: entries, envelopeBytes: envelopeBytes, reason: reason)
  }

  /// The start of `reason` that fits, cut between two characters.
  static func bounded(_ reason: String) -> String {
    guard reason.utf8.count > limitReasonBytes else { return reason }
    var end = reason.utf8.index(reason.startIndex, offsetBy: limitReasonBytes)
    while end > reason.startIndex, end.samePosition(in: reason.unicodeScalars) == nil {
      end = reason.utf8.index(before: end)
    }
    return String(reason[..<end])
  }

  public var byteCount: Int { DeadLetterHeader.fixedBytes + consumer.utf8.count + reason.utf8.count + 8 }

  public func encoded() -> [UInt8] {
    var out = ByteWriter(reserving: byteCount)
    out.raw(DeadLetterHeader.magic)
    out.byte(DeadLetterHeader.version)
    out.byte(0)
    out.fixed(UInt16(clamping: consumer.utf8.count))
    out.fixed(UInt32(clamping: reason.utf8.count))
    out.fixed(attempts)
    out.fixed(generation)
    out.fixed(refused.rawValue)
    out.fixed(rows)
    out.fixed(entries)
    out.fixed(envelopeBytes)
    out.raw(Array(consumer.utf8))
    out.raw(Array(reason.utf8))
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    return out.bytes
  }

  /// Reads the header at the start of `bytes`; what follows it is not looked at.
  public init(reading bytes: [UInt8]) throws(FormatError) {
    let span = bytes.span.bytes
    let what = "dead letter's header"
    var reader = ByteReader(end: bytes.count)
    guard Array(bytes[try reader.take(4, what, in: span)]) == DeadLetterHeader.magic else {
      throw FormatError(.unknownFormat, "\(what): none starts here")
    }
    let version = try reader.byte(what, in: span)
    guard version == DeadLetterHeader.version else {
      throw FormatError(.unknownFormat, "\(what): version \(version), this program reads 1", at: 4)
    }
    let flags = try reader.byte(what, in: span)
    guard flags == 0 else { throw FormatError(.unknownRequiredSection, "\(what): flags \(flags)", at: 5) }
    let nameBytes = Int(try reader.fixed(UInt16.self, what, in: span))
    let reasonBytes = Int(try reader.fixed(UInt32.self, what, in: span))
    guard (1...DeadLetterHeader.limitConsumerBytes).contains(nameBytes),
      reasonBytes <= DeadLetterHeader.limitReasonBytes
    else {
      throw FormatError(
        .tooLarge,
        "\(what): a name of \(nameBytes) bytes (1 to 200), a reason of \(reasonBytes) (at most 4096)", at: 6)
    }
    attempts = try reader.fixed(UInt32.self, what, in: span)
    generation = try reader.fixed(UInt64.self, what, in: span)
    refused = UnixMilliseconds(try reader.fixed(Int64.self, what, in: span))
    rows = try reader.fixed(UInt64.self, what, in: span)
    entries = try reader.fixed(UInt64.self, what, in: span)
    envelopeBytes = try reader.fixed(UInt64.self, what, in: span)
    let name = String(validating: bytes[try reader.take(nameBytes, what, in: span)], as: UTF8.self)
    let reason = String(validating: bytes[try reader.take(reasonBytes, what, in: span)], as: UTF8.self)
    let sum = Checksum.xxh3(span.extracting(0..<reader.offset))
    let at = reader.offset
    guard try reader.fixed(UInt64.self, what, in: span) == sum else {
      throw FormatError(.checksum, "\(what): the checksum does not fit", at: at)
    }
    guard let name, let reason else {
      throw FormatError(.inconsistent, "\(what): name or reason is not UTF-8", at: DeadLetterHeader.fixedBytes)
    }
    consumer = name
    self.reason = reason
  }
}
