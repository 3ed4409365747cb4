import Codec
import Glibc

/// The checksums of a sealed segment's bytes, kept beside it as `segments/<first offset>.sums`, because LMDB has none of its
/// own. Little-endian.
///
///     offset  bytes  field
///     0       4      magic "CLMS"
///     4       1      format version, 1
///     5       1      checksum: 1 XXH3-64
///     6       2      0
///     8       4      bytes that one sum covers, 65,536
///     12      4      number of sums: the segment's length divided by that, rounded up
///     16      8      the segment's length
///     24      8×n    the sums, in the order of the file; the last covers what is left
///     …       8      XXH3-64 of all bytes before it
///
/// A sum covers 16 of LMDB's pages: a damaged segment is salvaged as a whole, so that finer sums would cost room (0.2 % instead
/// of 0.01 %) and tell nothing that is used.
public struct PageSums: Sendable, Equatable {
  public static let magic: [UInt8] = Array("CLMS".utf8)
  public static let version: UInt8 = 1
  public static let stretchBytes = 65536
  static let headerBytes = 24
  /// A segment of 64 GiB has so many; a file that claims more is none of ours.
  static let limitSums = 1 << 20

  public let segmentBytes: UInt64
  let sums: [UInt64]

  init(segmentBytes: UInt64, sums: [UInt64]) {
    self.segmentBytes = segmentBytes
    self.sums = sums
  }

  /// Reads the whole segment. One that cannot be read to its end has no sums: an error.
  public init(of segment: String) throws(IntegrityError) {
    let file = try RescueFile(reading: segment)
    var sums: [UInt64] = []
    let end = try PageSums.eachStretch(of: file) {
      sums.append($0 ?? 0)
      return $0 != nil
    }
    guard end == file.length else { throw IntegrityError("read", path: segment, code: EIO) }
    self.init(segmentBytes: file.length, sums: sums)
  }

  /// Where the sums of a segment are kept.
  public static func path(besides segment: String) -> String {
    (segment.hasSuffix(".lmdb") ? String(segment.dropLast(5)) : segment) + ".sums"
  }

  /// What `verify` found in a segment.
  public struct Verdict: Sendable, Equatable {
    /// Byte ranges of the segment that are not what was sealed, in order, neighbours joined: wrong, unreadable, missing at the
    /// end, or too much there.
    public let damaged: [Range<UInt64>]

    public var isSound: Bool { damaged.isEmpty }
  }

  /// Streams the segment past its sums, in constant memory.
  public func verify(_ segment: String) throws(IntegrityError) -> Verdict {
    let file = try RescueFile(reading: segment)
    var damaged: [Range<UInt64>] = []
    func add(_ range: Range<UInt64>) {
      guard !range.isEmpty else { return }
      if let last = damaged.last, last.upperBound == range.lowerBound {
        damaged[damaged.count - 1] = last.lowerBound..<range.upperBound
      } else {
        damaged.append(range)
      }
    }
    var index = 0
    _ = try PageSums.eachStretch(of: file) { sum in
      let start = UInt64(index * PageSums.stretchBytes)
      if index < sums.count, sums[index] != sum {
        add(start..<min(start + UInt64(PageSums.stretchBytes), segmentBytes))
      }
      index += 1
      return index < sums.count
    }
    if file.length < segmentBytes { add(max(file.length, damaged.last?.upperBound ?? 0)..<segmentBytes) }
    if file.length > segmentBytes { add(segmentBytes..<file.length) }
    return Verdict(damaged: damaged)
  }

  /// Hands over the sum of each stretch, nil where it cannot be read, until the file ends or `body` has enough. Gives back
  /// how far the file was.
  private static func eachStretch(
    of file: borrowing RescueFile, _ body: (UInt64?) -> Bool
  ) throws(IntegrityError) -> UInt64 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: stretchBytes, alignment: 64)
    defer { buffer.deallocate() }
    var offset: UInt64 = 0
    while offset < file.length {
      let wanted = min(UInt64(stretchBytes), file.length - offset)
      let part = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)]), at: offset)
      let whole = part == .bytes(Int(wanted))
      let sum = whole ? Checksum.xxh3(UnsafeRawBufferPointer(rebasing: buffer[..<Int(wanted)])) : nil
      offset += wanted
      if !body(sum) { break }
    }
    return offset
  }

  // MARK: - The file

  /// Writes the sums under their final name; durable when it returns.
  public func write(to path: String) throws(IntegrityError) { try DurableFile.replace(path, with: encoded()) }

  /// Reads a file of sums; nil when there is none.
  public static func read(from path: String) throws -> PageSums? {
    guard access(path, F_OK) == 0 else { return nil }
    let file = try RescueFile(reading: path)
    let limit = UInt64(headerBytes + limitSums * 8 + 8)
    guard file.length <= limit else {
      throw FormatError(.tooLarge, "page sums \(path): \(file.length) bytes, at most \(limit)")
    }
    guard let bytes = try file.bytes(at: 0, count: Int(file.length)) else {
      throw FormatError(.truncated, "page sums \(path): not readable to the end")
    }
    return try PageSums(decoding: bytes)
  }

  public func encoded() -> [UInt8] {
    var out = ByteWriter(reserving: PageSums.headerBytes + sums.count * 8 + 8)
    out.raw(PageSums.magic)
    out.byte(PageSums.version)
    out.byte(1)
    out.fixed(UInt16(0))
    out.fixed(UInt32(PageSums.stretchBytes))
    out.fixed(UInt32(sums.count))
    out.fixed(segmentBytes)
    for sum in sums { out.fixed(sum) }
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    return out.bytes
  }

  public init(decoding array: [UInt8]) throws(FormatError) {
    let bytes = array.span.bytes
    var reader = ByteReader(end: bytes.byteCount)
    let magic = try reader.fixed(UInt32.self, "page sums", in: bytes)
    let version = try reader.byte("page sums", in: bytes)
    let kind = try reader.byte("page sums", in: bytes)
    guard magic == 0x534d_4c43, version == PageSums.version, kind == 1 else {
      throw FormatError(.unknownFormat, "page sums: magic, version \(version) or checksum \(kind) not known")
    }
    let reserved = try reader.fixed(UInt16.self, "page sums", in: bytes)
    let stretch = try reader.fixed(UInt32.self, "page sums", in: bytes)
    let count = Int(try reader.fixed(UInt32.self, "page sums", in: bytes))
    let segmentBytes = try reader.fixed(UInt64.self, "page sums", in: bytes)
    guard reserved == 0, stretch == PageSums.stretchBytes, count <= PageSums.limitSums,
      segmentBytes <= UInt64(PageSums.limitSums * PageSums.stretchBytes),
      count == (Int(segmentBytes) + PageSums.stretchBytes - 1) / PageSums.stretchBytes
    else {
      throw FormatError(.inconsistent, "page sums: \(count) sums of \(stretch) bytes for \(segmentBytes) bytes", at: 8)
    }
    guard reader.remaining == count * 8 + 8 else {
      throw FormatError(.truncated, "page sums: \(reader.remaining) bytes for \(count) sums", at: reader.offset)
    }
    var sums: [UInt64] = []
    sums.reserveCapacity(count)
    for _ in 0..<count { sums.append(try reader.fixed(UInt64.self, "page sums", in: bytes)) }
    let covered = reader.offset
    guard try reader.fixed(UInt64.self, "page sums", in: bytes) == Checksum.xxh3(bytes.extracting(0..<covered)) else {
      throw FormatError(.checksum, "page sums: the checksum does not fit", at: covered)
    }
    self.init(segmentBytes: segmentBytes, sums: sums)
  }
}
