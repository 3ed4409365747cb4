/// What an LMDB file says of itself without LMDB: its two meta pages, read as bytes.
///
///     offset  bytes  field of a meta page (lmdb 0.9, 64 bits, little-endian)
///     0       16     page header
///     16      4      magic 0xBEEFC0DE
///     144     8      transaction
enum LMDBFile {
  static let pageBytes = 4096
  private static let transactionOffset = 144

  /// The transactions of both meta pages; a page of zeros counts as 0. Nil when the file is too short to have both.
  static func transactions(_ path: String) throws(LogError) -> [UInt64]? {
    guard let bytes = try Files.start(of: path, count: 2 * pageBytes), bytes.count == 2 * pageBytes else { return nil }
    let span = bytes.span.bytes
    return [0, pageBytes].map {
      UInt64(littleEndian: span.unsafeLoadUnaligned(fromByteOffset: $0 + transactionOffset, as: UInt64.self))
    }
  }
}
