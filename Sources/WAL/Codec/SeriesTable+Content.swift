import Model

extension SeriesTable {
  /// zstd's level for tables: they are written once and stay, and labels are most of a fresh block's bytes.
  private static let level: Int32 = 9

  /// Makes a table of series in the given order. Throws past the limits (65,536 series, 16 MiB).
  public convenience init(encoding series: [Series], signal: Signal = .metrics) throws(FormatError) {
    let payload = try TableCodec.encode(series, signal)
    guard let name = TableName(hashing: payload.bytes.span.bytes) else {
      throw FormatError(.inconsistent, "table: libcrypto could not hash")
    }
    let compressor = try ZstdCompressor(level: SeriesTable.level)
    var compressed: [UInt8] = []
    let compressedBytes = try compressor.compress(payload.bytes.span.bytes, appendingTo: &compressed)
    var out = ByteWriter(reserving: SeriesTable.headerBytes + compressedBytes)
    out.raw(SeriesTable.magic)
    out.byte(BlockHeader.version)
    out.byte(signal.rawValue)
    out.raw([0, 0])
    out.fixed(UInt32(series.count))
    out.fixed(UInt32(payload.count))
    out.fixed(UInt32(compressedBytes))
    Seal.none.write(to: &out)
    out.fixed(UInt32(0))
    out.fixed(name.low)
    out.fixed(name.high)
    out.fixed(Checksum.xxh3(compressed.span.bytes))
    out.fixed(Checksum.xxh3(out.bytes.span.bytes))
    out.raw(compressed)
    self.init(
      name: name, signal: signal, seriesCount: series.count, payloadBytes: payload.count, bytes: out.bytes)
  }

  /// The series in order. Verifies that the content has the table's name.
  public func decode() throws(FormatError) -> [Series] {
    let payload = try verifiedPayload()
    return try TableCodec.decode(payload.span.bytes, signal: signal, seriesCount: seriesCount)
  }

  /// Makes sure that the content has the table's name, without making a string of it. A forged name would stand in the way of
  /// the table that really has it.
  public func verifyName() throws(FormatError) { _ = try verifiedPayload() }

  /// The series of an uncompressed payload, whatever its name.
  public static func decode(payload: [UInt8]) throws(FormatError) -> (series: [Series], signal: Signal) {
    let span = payload.span.bytes
    var reader = ByteReader(end: payload.count)
    let signal = try TableCodec.readSignal(&reader, in: span)
    let count = try reader.count("table: series", limit: FormatLimits.tableSeries, in: span)
    return (try TableCodec.decode(span, signal: signal, seriesCount: count), signal)
  }

  private func verifiedPayload() throws(FormatError) -> [UInt8] {
    let bytes = self.bytes
    try Header(reading: bytes.span.bytes).seal.mustBeNone("table")
    let decompressor = try ZstdDecompressor()
    let frame = bytes.span.bytes.extracting(SeriesTable.headerBytes..<bytes.count)
    let payload = try decompressor.decompress(frame, size: payloadBytes, what: "table payload")
    guard TableName(hashing: payload.span.bytes) == name else {
      throw FormatError(.checksum, "table: the content does not have the name \(name)", at: 40)
    }
    return payload
  }
}
