import Model

/// Reads blocks, everything checked within the limits. Keeps its zstd context; for one owner.
public struct BlockOpener: ~Copyable {
  private let decompressor: ZstdDecompressor

  public init() throws(FormatError) {
    decompressor = try ZstdDecompressor()
  }

  /// The block's groups as a reader wants them.
  public func open(_ block: SealedBlock) throws(FormatError) -> OpenedBlock {
    var groups: [OpenedBlock.Group] = []
    for columns in try self.groups(of: block) { groups.append(OpenedBlock.Group(columns)) }
    return OpenedBlock(header: block.header, groups: groups)
  }

  /// Makes sure of everything that `open` and `resolve` make sure of, at half the cost: for whoever passes blocks on. `tables`: those at hand.
  public func verify(_ block: SealedBlock, over tables: [SeriesTable]) throws(FormatError) {
    let byName = SeriesTable.byName(tables)
    for group in try groups(of: block) { _ = try group.head.tables(among: byName, signal: block.header.signal) }
  }

  /// The block's groups in the form in which blocks are joined. Header and rows agree when this returns.
  func groups(of block: SealedBlock) throws(FormatError) -> [GroupColumns] { try read(block).groups }

  func read(_ block: SealedBlock) throws(FormatError) -> (groups: [GroupColumns], hasUnknownSections: Bool) {
    let payload = try payload(of: block)
    var reader = GroupReader(header: block.header)
    let groups = try reader.read(payload.span.bytes)
    try BlockOpener.check(groups, against: block.header)
    return (groups, reader.hasUnknownSections)
  }

  /// The uncompressed payload.
  func payload(of block: SealedBlock) throws(FormatError) -> [UInt8] {
    try block.header.seal.mustBeNone("block payload")
    let frame = block.bytes.span.bytes.extracting(block.header.byteCount..<block.bytes.count)
    return try decompressor.decompress(frame, size: block.header.payloadBytes, what: "block payload")
  }

  private static func check(_ groups: [GroupColumns], against header: BlockHeader) throws(FormatError) {
    var seen = Bitmap(count: header.rowCount)
    var times = TimeRange()
    var entries = 0
    var tableSeries: [TableName: Int] = [:]
    var keys: Set<GroupHead.Key> = []
    for group in groups {
      guard keys.insert(group.head.key(group.kind)).inserted else {
        throw FormatError(.inconsistent, "groups: two of one kind, source and tables")
      }
      for sequence in group.head.sequences {
        let row = Int(sequence - header.sequences.lowerBound)
        guard !seen.isSet(row) else {
          throw FormatError(.inconsistent, "groups: sequence \(sequence) occurs twice")
        }
        seen.set(row)
      }
      for (table, series) in zip(group.head.tables, group.head.tableSeries) {
        guard tableSeries[table] == nil || tableSeries[table] == series else {
          throw FormatError(.inconsistent, "groups: table \(table) with two numbers of series")
        }
        tableSeries[table] = series
      }
      times.add(group.times)
      entries += group.entryCount
    }
    guard seen.setCount == header.rowCount else {
      throw FormatError(
        .inconsistent, "groups: \(seen.setCount) rows, the header says \(header.rowCount)", at: 40)
    }
    guard entries == header.entryCount else {
      throw FormatError(.inconsistent, "groups: \(entries) entries, the header says \(header.entryCount)", at: 44)
    }
    let range = times.closed ?? 0...0
    guard range == header.times else {
      throw FormatError(.inconsistent, "groups: times \(range), the header says \(header.times)", at: 48)
    }
    guard tableSeries.count == Set(header.tables).count, header.tables.count == tableSeries.count else {
      throw FormatError(.inconsistent, "groups: the header names a table twice or one that no group uses", at: 96)
    }
  }
}
