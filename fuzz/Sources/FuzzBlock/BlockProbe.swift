import Codec
import Model

/// What the fuzzer, and the replay of its findings, do with bytes: a payload and header fields of their choice are put into a block
/// whose checksums fit, so that everything behind the checksums is reached.
///
///     byte 0      signal: even metrics, odd logs
///     1 to 4      rows
///     5 to 8      entries
///     9 to 24     smallest and largest time
///     25          tables
///     26          0: sequences from 1; otherwise they end that many before the last possible one
///     27 …        payload
public enum BlockProbe {
  public static let controlBytes = 27

  /// Nil when the bytes are too short or the header would be refused anyway.
  public static func block(_ bytes: [UInt8], after earlier: SealedBlock? = nil) -> SealedBlock? {
    guard bytes.count > controlBytes else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    let payload = Array(bytes[controlBytes...])
    let frame = zstdFrame(payload)
    let rows = number(1..<5)
    let tables = Int(bytes[25])
    let start = bytes[26] == 0 ? 1 : UInt64.max &- UInt64(bytes[26]) &- rows &+ 1
    let firstSequence = earlier.map { $0.header.sequences.upperBound &+ 1 } ?? start
    var out = ByteWriter()
    out.raw(BlockHeader.magic)
    out.raw([1, bytes[0] & 1 + 1, 0, 0])
    out.fixed(UInt64(7))
    out.fixed(UInt64(8))
    out.fixed(firstSequence)
    out.fixed(firstSequence &+ rows &- 1)
    out.fixed(UInt32(rows))
    out.fixed(UInt32(number(5..<9)))
    out.fixed(number(9..<17))
    out.fixed(number(17..<25))
    out.fixed(UInt32(payload.count))
    out.fixed(UInt32(frame.count))
    out.fixed(Checksum.xxh3(frame.span.bytes))
    out.raw([UInt8](repeating: 0, count: 16))
    out.fixed(UInt16(tables))
    out.fixed(UInt16(0))
    for table in 0..<tables {
      out.fixed(UInt64(table) + 1)
      out.fixed(UInt64(0))
    }
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    out.raw(frame)
    return try? SealedBlock(verifying: out.bytes)
  }

  /// The bytes that make `block` build the given block's payload under the same fields.
  public static func input(_ header: BlockHeader, payload: [UInt8]) -> [UInt8] {
    var out = ByteWriter()
    out.byte(header.signal == .metrics ? 0 : 1)
    out.fixed(UInt32(header.rowCount))
    out.fixed(UInt32(header.entryCount))
    out.fixed(header.times.lowerBound)
    out.fixed(header.times.upperBound)
    out.byte(UInt8(header.tables.count))
    out.byte(0)
    out.raw(payload)
    return out.bytes
  }

  /// A zstd frame of raw (uncompressed) zstd blocks, by RFC 8878, section 3.1.1.
  private static func zstdFrame(_ content: [UInt8]) -> [UInt8] {
    var out = ByteWriter()
    out.fixed(UInt32(0xfd2f_b528))
    // Single segment, content size in eight bytes.
    out.byte(0xe0)
    out.fixed(UInt64(content.count))
    var rest = content[...]
    repeat {
      let part = rest.prefix(100_000)
      rest = rest.dropFirst(part.count)
      let head = UInt32(part.count) << 3 | (rest.isEmpty ? 1 : 0)
      out.raw([UInt8(head & 0xff), UInt8(head >> 8 & 0xff), UInt8(head >> 16 & 0xff)])
      out.raw(Array(part))
    } while !rest.isEmpty
    return out.bytes
  }

  /// Opens the block; if that succeeds, every reader, a merge and a cut have to succeed as well. Returns whether it opened.
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    guard let first = block(bytes), let opener = try? BlockOpener(), let opened = try? opener.open(first) else {
      return false
    }
    var samples = 0
    for group in opened.groups {
      switch group {
      case .matrix(let group):
        group.forEachSample { _, _, _, _ in samples += 1 }
        samples += group.extras.histograms.count
      case .loose(let group): samples += group.values.count + group.extras.histograms.count
      case .logs(let group): samples += (0..<group.count).filter { group.entry($0).line.count >= 0 }.count
      }
    }
    precondition(samples == first.header.entryCount, "\(samples) samples, header \(first.header.entryCount)")
    let rows = UInt64(first.header.rowCount)
    guard var sealer = try? BlockSealer() else { return true }
    do {
      let range = first.header.sequences
      let middle = range.lowerBound + (rows / 2)
      let cut = try sealer.dropping([middle...middle], from: first)
      for block in cut { _ = try opener.open(block) }
      precondition(cut.reduce(0) { $0 + $1.header.rowCount } == Int(rows - 1), "cutting lost rows")
      let rejoined = try sealer.merge(cut)
      precondition(rejoined.reduce(0) { $0 + $1.header.rowCount } == Int(rows - 1), "joining lost rows")
      guard let second = block(bytes, after: first) else { return true }
      let merged = try sealer.merge([first, second])
      for block in merged { _ = try opener.open(block) }
      precondition(merged.reduce(0) { $0 + $1.header.entryCount } == 2 * samples, "merging lost samples")
    } catch {
      // A join or a cut may be larger than what it is made of, and is then refused; anything else is a fault of ours.
      precondition(error.kind == .tooLarge, "\(error)")
    }
    return true
  }
}
