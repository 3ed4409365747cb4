import Model
import Testing

@testable import Codec

/// What a lying sender or a broken disk can hand to a reader.
@Suite struct HostileBytesTests {
  private func sample() throws -> (SealedBlock, [SeriesTable]) {
    var rows = RandomRows(seed: 4711)
    let (batch, _, tables) = try rows.metrics(firstSequence: 5)
    var sealer = try BlockSealer()
    return (try #require(try sealer.seal(batch, origin: .random(), firstSequence: 5).first).block, tables)
  }

  /// The block with a changed header, whose checksum is made to fit again.
  private func forged(_ block: SealedBlock, _ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = block.bytes
    change(&bytes)
    let covered = block.header.byteCount - 8
    let checksum = Checksum.xxh3(Array(bytes[..<covered]).span.bytes)
    withUnsafeBytes(of: checksum.littleEndian) { for i in 0..<8 { bytes[covered + i] = $0[i] } }
    return bytes
  }

  private func write<T: FixedWidthInteger>(_ value: T, at offset: Int, into bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { for (i, byte) in $0.enumerated() { bytes[offset + i] = byte } }
  }

  @Test("A header that claims another range of rows than the payload fills is refused by open and verify")
  func claimedRanges() throws {
    let (block, tables) = try sample()
    let opener = try BlockOpener()
    try opener.verify(block, over: tables)
    let (first, last) = (block.header.sequences.lowerBound, block.header.sequences.upperBound)
    for (low, high) in [(first, last + 1), (first - 1, last), (first, last - 1), (first, first + 65_000), (1, first)] {
      let claim = try SealedBlock(
        verifying: forged(block) { bytes in
          write(low, at: 24, into: &bytes)
          write(high, at: 32, into: &bytes)
          write(UInt32(high - low + 1), at: 40, into: &bytes)
        })
      #expect(claim.header.sequences == low...high)
      #expect(throws: FormatError.self, "\(low) to \(high)") { try opener.verify(claim, over: tables) }
      #expect(throws: FormatError.self, "\(low) to \(high)") { _ = try opener.open(claim) }
    }
  }

  /// A block around a payload of the test's own making.
  private func block(
    around payload: ByteWriter, like header: BlockHeader, declared: Int? = nil, entries: Int? = nil
  ) throws -> SealedBlock {
    var compressed: [UInt8] = []
    let count = try ZstdCompressor(level: 3).compress(payload.bytes.span.bytes, appendingTo: &compressed)
    var changed = header
    changed.payloadBytes = declared ?? payload.count
    changed.compressedBytes = count
    changed.payloadChecksum = Checksum.xxh3(compressed.span.bytes)
    if let entries { changed.entryCount = entries }
    return try SealedBlock(verifying: changed.encoded() + compressed)
  }

  @Test("Any single changed byte of a block is found")
  func everyByte() throws {
    let (block, _) = try sample()
    for index in block.bytes.indices {
      var bytes = block.bytes
      bytes[index] ^= 0x40
      #expect(throws: FormatError.self, "byte \(index)") { try SealedBlock(verifying: bytes) }
    }
  }

  @Test("Any single changed byte of a table is found")
  func everyTableByte() throws {
    let (_, tables) = try sample()
    let table = try #require(tables.first)
    for index in table.bytes.indices {
      var bytes = table.bytes
      bytes[index] ^= 0x01
      #expect(throws: FormatError.self, "byte \(index)") { try SeriesTable(verifying: bytes) }
    }
  }

  @Test("A block that ends early is refused at every length")
  func truncated() throws {
    let (block, _) = try sample()
    for length in 0..<block.bytes.count {
      #expect(throws: FormatError.self) { try SealedBlock(verifying: Array(block.bytes[..<length])) }
    }
  }

  @Test("A header whose numbers are past the limits is refused although its checksum fits")
  func hugeNumbers() throws {
    let (block, _) = try sample()
    let lies: [(String, (inout [UInt8]) -> Void)] = [
      ("payload length", { self.write(UInt32.max, at: 64, into: &$0) }),
      ("compressed length", { self.write(UInt32.max, at: 68, into: &$0) }),
      ("entries", { self.write(UInt32.max, at: 44, into: &$0) }),
      ("rows", { self.write(UInt32.max, at: 40, into: &$0) }),
      ("sequences that run backwards", { self.write(UInt64(1), at: 32, into: &$0) }),
      ("sequence 0", { self.write(UInt64(0), at: 24, into: &$0) }),
      ("a range of 2^64 rows", { self.write(UInt64.max, at: 32, into: &$0) }),
      ("times that run backwards", { self.write(Int64.min, at: 56, into: &$0) }),
      ("tables", { self.write(UInt16.max, at: 96, into: &$0) }),
      ("tenant", { self.write(UInt16.max, at: 98, into: &$0) }),
      ("flags", { $0[6] = 1 }),
      ("version", { $0[4] = 2 }),
      ("signal", { $0[5] = 3 }),
      (
        "the last sequence that there is",
        {
          self.write(UInt64.max, at: 24, into: &$0)
          self.write(UInt64.max, at: 32, into: &$0)
        }
      ),
    ]
    for (what, lie) in lies {
      #expect(throws: FormatError.self, "\(what)") { try SealedBlock(verifying: forged(block, lie)) }
    }
  }

  @Test("A block that is sealed with a key is passed on, and not opened")
  func sealedWithAKey() throws {
    let (block, _) = try sample()
    let sealed = try SealedBlock(verifying: forged(block) { self.write(UInt32(1), at: 80, into: &$0) })
    #expect(sealed.header.seal.keyID == 1)
    #expect {
      try BlockOpener().open(sealed)
    } throws: { ($0 as? FormatError)?.kind == .unknownRequiredSection }
    #expect(sealed.withTenant(try #require(Tenant("a"))).header.seal.keyID == 1)
  }

  @Test("A header that disagrees with its rows is refused when the block is opened")
  func disagreement() throws {
    let (block, _) = try sample()
    let opener = try BlockOpener()
    let lies: [(String, (inout BlockHeader) -> Void)] = [
      ("one row more", { $0.sequences = $0.sequences.lowerBound...($0.sequences.upperBound + 1) }),
      ("one entry more", { $0.entryCount += 1 }),
      ("later times", { $0.times = $0.times.lowerBound...($0.times.upperBound + 1) }),
      ("earlier times", { $0.times = ($0.times.lowerBound - 1)...$0.times.upperBound }),
      ("a table that no group uses", { $0.tables.append(TableName(low: 1, high: 2)) }),
      ("the other signal", { $0.signal = .logs }),
    ]
    for (what, lie) in lies {
      var header = block.header
      lie(&header)
      let bytes = header.encoded() + block.bytes[block.header.byteCount...]
      let forged = try SealedBlock(verifying: bytes)
      #expect(throws: FormatError.self, "\(what)") { try opener.open(forged) }
    }
  }

  @Test("A zstd frame that says another size than the header costs no memory")
  func bomb() throws {
    let (block, _) = try sample()
    var payload = ByteWriter()
    payload.bytes = [UInt8](repeating: 0, count: FormatLimits.blockPayloadBytes)
    let opener = try BlockOpener()
    for declared in [0, 1, 1000, FormatLimits.blockPayloadBytes - 1] {
      let lying = try self.block(around: payload, like: block.header, declared: declared)
      #expect(throws: FormatError.self) { try opener.open(lying) }
    }
    // An honest size, but nonsense inside.
    let zeros = try self.block(around: payload, like: block.header)
    #expect(throws: FormatError.self) { try opener.open(zeros) }
  }

  @Test("A small payload cannot ask for more cells than the limit")
  func cellBomb() throws {
    var header = try sample().0.header
    header.sequences = 1...UInt64(FormatLimits.blockRows)
    header.tables = [TableName(low: 1, high: 1)]
    header.tenant = .default
    var head = ByteWriter()
    head.varint(1)
    head.varint(0)
    head.varint(FormatLimits.tableSeries)
    head.fixed(UInt64(1))
    head.varint(1)
    head.varint(0)
    head.varint(FormatLimits.blockRows - 1)
    var body = ByteWriter()
    body.section(Section.head, head)
    var payload = ByteWriter()
    payload.varint(1)
    payload.byte(GroupColumns.matrixKind)
    payload.varint(body.count)
    payload.raw(body.bytes)
    let bomb = try block(around: payload, like: header)
    let opener = try BlockOpener()
    #expect {
      try opener.open(bomb)
    } throws: { ($0 as? FormatError)?.kind == .tooLarge }
  }

  @Test("An unknown section is skipped when it may be, and is a clear error when it may not")
  func sections() throws {
    let (table, series) = try RandomTable.make()
    var sealer = try BlockSealer()
    let opener = try BlockOpener()
    let row = ScrapeRow(
      source: 1, tables: [table], timestamp: UnixMilliseconds(5), values: series.map { _ in 1 })
    let block = try #require(
      try sealer.seal(RowBatch(metrics: [.scrape(row)]), origin: .random(), firstSequence: 1).first
    ).block
    let payload = try opener.payload(of: block)
    // One group: count, kind, a length of one byte, body.
    #expect(payload[0] == 1 && payload[1] == 1 && payload[2] < 0x70)
    for (id, optional) in [(UInt64(101), true), (UInt64(102), false)] {
      var extended = ByteWriter()
      extended.raw(Array(payload[..<2]))
      extended.varint(Int(payload[2]) + 5)
      extended.raw(Array(payload[3...]))
      extended.varint(id)
      extended.varint(3)
      extended.raw([1, 2, 3])
      let later = try self.block(around: extended, like: block.header)
      if optional {
        #expect(try Facts.of(later, [table], opener) == Facts.of(block, [table], opener))
      } else {
        #expect {
          try opener.open(later)
        } throws: { ($0 as? FormatError)?.kind == .unknownRequiredSection }
      }
    }
  }

  @Test("A block over a table that is not there, or is another one, is a clear error")
  func missingTable() throws {
    let (block, tables) = try sample()
    let opened = try BlockOpener().open(block)
    #expect {
      try opened.resolve(Array(tables.dropFirst()))
    } throws: { ($0 as? FormatError)?.kind == .missingTable }
    #expect {
      try Envelope.decode(try Envelope.encode(tables: [], blocks: [block]))
    } throws: { ($0 as? FormatError)?.kind == .missingTable }
  }

  @Test("A table whose content does not have its name is refused")
  func tableName() throws {
    let (table, series) = try RandomTable.make()
    let other = try SeriesTable(encoding: [Series(Labels([Label("__name__", "other")]))])
    var bytes = other.bytes
    bytes.replaceSubrange(40..<56, with: table.name.bytes)
    let checksum = Checksum.xxh3(Array(bytes[..<64]).span.bytes)
    withUnsafeBytes(of: checksum.littleEndian) { for i in 0..<8 { bytes[64 + i] = $0[i] } }
    let forged = try SeriesTable(verifying: bytes)
    #expect {
      try forged.decode()
    } throws: { ($0 as? FormatError)?.kind == .checksum }
    #expect(try table.decode() == series)
    #expect(throws: FormatError.self) { try forged.verifyName() }
    try table.verifyName()
  }

  @Test("Changed payloads are refused or read, and never crash")
  func mutatedPayloads() throws {
    var random = SeededGenerator(seed: 99)
    let opener = try BlockOpener()
    for seed in 0..<40 {
      var rows = RandomRows(seed: UInt64(seed))
      let (batch, _, _) = seed % 3 == 0 ? try rows.logs(firstSequence: 1) : try rows.metrics(firstSequence: 1)
      var sealer = try BlockSealer()
      let block = try #require(try sealer.seal(batch, origin: .random(), firstSequence: 1).first).block
      let payload = try opener.payload(of: block)
      for _ in 0..<50 {
        var changed = ByteWriter()
        changed.bytes = payload
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          changed.bytes[Int.random(in: 0..<payload.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if Int.random(in: 0..<10, using: &random) == 0 {
          changed.bytes.removeLast(Int.random(in: 1...payload.count, using: &random))
        }
        if let opened = try? opener.open(try self.block(around: changed, like: block.header)) {
          #expect(opened.groups.reduce(0) { $0 + $1.head.sequences.count } == block.header.rowCount)
        }
      }
    }
  }
}

enum RandomTable {
  static func make() throws -> (SeriesTable, [Series]) {
    let series = [
      Series(Labels([Label("__name__", "a"), Label("x", "1")])), Series(Labels([Label("__name__", "b")])),
    ]
    return (try SeriesTable(encoding: series), series)
  }
}
