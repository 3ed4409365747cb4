import Codec
import Glibc
import Model
import WAL

/// What the fuzzer, and the replay of its findings, do with bytes: they say how a damaged segment is put together, of pieces
/// whose checksums fit, so that everything behind the checksums is reached. Each piece is a byte that says what, and a byte or two:
///
///     0  so many of the input's next bytes as they are
///     1  a record head: offset
///     2  a block: rows, bytes of payload
///     3  a block of which the last byte is wrong
///     4  a table: length of its series' name
///     5  so many zeros
///     6  as many bytes of what was written before again
public enum SalvageProbe {
  public static func run(_ input: [UInt8]) {
    // The file of page sums is read from a disk, too.
    if let sums = try? PageSums(decoding: input) { precondition(sums.encoded() == input) }
    let segment = file(input)
    let descriptor = memfd()
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard segment.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == segment.count,
      let salvage = try? Salvage(scanning: "/proc/self/fd/\(descriptor)", offsets: 3..<200)
    else { return }
    var next: UInt64 = 3
    var covered: UInt64 = 0
    var isPlaced = true
    for block in salvage.blocks {
      precondition((try? salvage.read(block)) != nil, "a block that was found cannot be read")
      guard let offsets = block.offsets else {
        isPlaced = false
        continue
      }
      precondition(isPlaced, "a block with a place behind one without")
      precondition(offsets.lowerBound >= next && offsets.upperBound <= 200, "blocks out of order or out of the segment")
      precondition(offsets.count == Int(block.sequences.upperBound - block.sequences.lowerBound) + 1)
      next = offsets.upperBound
      covered += UInt64(offsets.count)
    }
    for name in salvage.tables {
      precondition((try? salvage.table(name)) != nil, "a table that was found cannot be read")
    }
    precondition(covered + salvage.report.missingRows == 197, "rows are neither found nor missing")
    precondition(!salvage.report.description.isEmpty)
  }

  private static func memfd() -> Int32 {
    // glibc's `memfd_create` is not imported.
    let path = "/dev/shm/clymene-fuzz-\(getpid())"
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    unlink(path)
    return descriptor
  }

  static func file(_ input: [UInt8]) -> [UInt8] {
    var out = ByteWriter()
    var at = 0
    func take() -> Int {
      defer { at += 1 }
      return at < input.count ? Int(input[at]) : 0
    }
    while at < input.count, out.count < 1 << 21 {
      switch take() % 7 {
      case 0:
        let count = min(take(), input.count - min(at, input.count))
        out.raw(Array(input[min(at, input.count)...].prefix(count)))
        at += count
      case 1: out.raw(RecordHead(offset: UInt64(take())).encoded)
      case 2: out.raw(block(rows: take() % 32 + 1, payload: take() * 37))
      case 3: out.raw(block(rows: take() % 32 + 1, payload: take() * 37 + 1).dropLast() + [1])
      case 4: out.raw(table(name: take() * 11))
      case 5: out.raw([UInt8](repeating: 0, count: take()))
      default:
        let count = take() * 16
        out.raw(Array(out.bytes.suffix(count)))
      }
    }
    return out.bytes
  }

  private static func block(rows: Int, payload count: Int) -> [UInt8] {
    let payload = [UInt8](repeating: 0x43, count: count)
    var out = ByteWriter()
    out.raw(BlockHeader.magic)
    out.raw([1, 1, 0, 0])
    out.fixed(UInt64(7))
    out.fixed(UInt64(8))
    out.fixed(UInt64(count) + 1)
    out.fixed(UInt64(count) + UInt64(rows))
    out.fixed(UInt32(rows))
    out.fixed(UInt32(rows))
    out.fixed(UInt64(0))
    out.fixed(UInt64(0))
    out.fixed(UInt32(count))
    out.fixed(UInt32(count))
    out.fixed(Checksum.xxh3(payload.span.bytes))
    out.raw([UInt8](repeating: 0, count: 16))
    out.fixed(UInt32(0))
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    out.raw(payload)
    return out.bytes
  }

  private static func table(name count: Int) -> [UInt8] {
    let labels = Labels([Label("__name__", String(repeating: "x", count: count))])
    return (try? SeriesTable(encoding: [Series(labels)]))?.bytes ?? []
  }
}
