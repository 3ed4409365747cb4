import Model

/// Makes blocks: of rows, of other blocks, of other blocks less some rows. Keeps its zstd context and buffers; for one owner.
public struct BlockSealer: ~Copyable {
  /// A block with the tables that it names, in the header's order.
  public typealias Sealed = TabledBlock

  private let compressor: ZstdCompressor
  let opener: BlockOpener
  private var writer = GroupWriter()
  /// What was left of the compressed bytes of the blocks that were joined last.
  private var shrinking = 0.5

  /// `level` is zstd's. Throws when there is no memory for a context.
  public init(level: Int32 = 3) throws(FormatError) {
    let compressor = try ZstdCompressor(level: level)
    let opener = try BlockOpener()
    self.compressor = compressor
    self.opener = opener
  }

  /// Rows become one block, or several that follow each other when they do not fit one. They are numbered from `firstSequence`
  /// without gaps, in the order given. A row that contradicts its tables, or is too large by itself, throws; nothing is sealed then.
  public mutating func seal(
    _ batch: RowBatch, origin: Origin, firstSequence: UInt64
  ) throws(FormatError) -> [Sealed] {
    let identity = Identity(tenant: batch.tenant, signal: batch.signal, origin: origin, optionalFlags: 0)
    var known: [TableName: SeriesTable] = [:]
    var blocks: [SealedBlock] = []
    switch batch.rows {
    case .metrics(let rows):
      for row in rows { for table in row.tables { known[table.name] = table } }
      var sequence = firstSequence
      for piece in try Packing.pieces(of: rows) {
        blocks += try seal(metrics: piece, identity, firstSequence: sequence)
        sequence += UInt64(piece.count)
      }
    case .logs(let rows):
      for part in rows { for table in part.tables { known[table.name] = table } }
      var sequence = firstSequence
      for piece in try Packing.pieces(of: rows) {
        blocks += try seal(logs: piece, identity, firstSequence: sequence)
        sequence += UInt64(piece.reduce(0) { $0 + $1.entries.count })
      }
    }
    return blocks.map { block in
      Sealed(block: block, tables: block.header.tables.compactMap { known[$0] })
    }
  }

  private mutating func seal(
    metrics rows: ArraySlice<MetricRow>, _ identity: Identity, firstSequence: UInt64
  ) throws(FormatError) -> [SealedBlock] {
    if rows.isEmpty { return [] }
    let groups = try RowGrouping.groups(metrics: rows, firstSequence: firstSequence)
    let block = try assemble(groups, identity)
    guard block.bytes.count > FormatLimits.sealedBlockBytes else { return [block] }
    guard rows.count > 1 else { throw BlockSealer.rowTooLarge(block) }
    let middle = rows.startIndex + rows.count / 2
    let left = try seal(metrics: rows[..<middle], identity, firstSequence: firstSequence)
    return left
      + (try seal(metrics: rows[middle...], identity, firstSequence: firstSequence + UInt64(rows.count / 2)))
  }

  private mutating func seal(
    logs rows: ArraySlice<LogRows>, _ identity: Identity, firstSequence: UInt64
  ) throws(FormatError) -> [SealedBlock] {
    let groups = try RowGrouping.groups(logs: rows, firstSequence: firstSequence)
    if groups.isEmpty { return [] }
    let block = try assemble(groups, identity)
    let count = rows.reduce(0) { $0 + $1.entries.count }
    guard block.bytes.count > FormatLimits.sealedBlockBytes else { return [block] }
    guard count > 1 else { throw BlockSealer.rowTooLarge(block) }
    let (left, right) = Packing.halves(of: rows)
    let leftCount = left.reduce(0) { $0 + $1.entries.count }
    let blocks = try seal(logs: left[...], identity, firstSequence: firstSequence)
    return blocks + (try seal(logs: right[...], identity, firstSequence: firstSequence + UInt64(leftCount)))
  }

  /// Whoever makes rows cuts them before they have a number; a row that was not would not fit a message.
  private static func rowTooLarge(_ block: SealedBlock) -> FormatError {
    FormatError(
      .tooLarge,
      "row: \(block.header.entryCount) samples or entries take \(block.bytes.count) bytes by themselves, at most "
        + "\(FormatLimits.sealedBlockBytes)")
  }

  /// Blocks of one origin, tenant and signal whose rows follow each other become as few as the limits allow. Blocks that do not
  /// follow each other, or that hold sections which this version does not know, stay as they are.
  public mutating func merge(_ blocks: [SealedBlock]) throws(FormatError) -> [SealedBlock] {
    var result: [SealedBlock] = []
    var pending = Pending(shrinking: shrinking)
    for block in blocks {
      let (groups, hasUnknownSections) = try opener.read(block)
      let cells = groups.reduce(0) { $0 + $1.cellCount }
      if !pending.takes(block.header, cells: cells, hasUnknownSections: hasUnknownSections) {
        result += try join(pending.members[...])
        pending = Pending(shrinking: shrinking)
      }
      pending.add(block, groups, cells: cells, hasUnknownSections: hasUnknownSections)
    }
    return result + (try join(pending.members[...]))
  }

  /// Blocks that will be one, opened. Their cells are counted, so that what is held stays within what one block may hold.
  private struct Pending {
    var members: [(block: SealedBlock, groups: [GroupColumns])] = []
    private var size: Packing.MergedSize
    private var isClosed = false

    init(shrinking: Double) { size = Packing.MergedSize(shrinking: shrinking) }

    func takes(_ header: BlockHeader, cells: Int, hasUnknownSections: Bool) -> Bool {
      guard let last = members.last else { return true }
      return !isClosed && !hasUnknownSections && last.block.header.isFollowed(by: header)
        && last.block.header.optionalFlags == header.optionalFlags && size.fits(header, cells: cells)
    }

    mutating func add(_ block: SealedBlock, _ groups: [GroupColumns], cells: Int, hasUnknownSections: Bool) {
      members.append((block, groups))
      size.add(block.header, cells: cells)
      isClosed = hasUnknownSections
    }
  }

  private mutating func join(
    _ members: ArraySlice<(block: SealedBlock, groups: [GroupColumns])>
  ) throws(FormatError) -> [SealedBlock] {
    guard members.count > 1, let first = members.first else { return members.map(\.block) }
    var order: [GroupHead.Key: Int] = [:]
    var parts: [[GroupColumns]] = []
    for member in members {
      for group in member.groups {
        let key = group.head.key(group.kind)
        if let at = order[key] {
          parts[at].append(group)
        } else {
          order[key] = parts.count
          parts.append([group])
        }
      }
    }
    do {
      let block = try assemble(parts.map { GroupColumns.joined($0) }, Identity(first.block.header))
      // Few blocks say little of how much more would shrink.
      if members.count >= 8 {
        let before = members.reduce(0) { $0 + $1.block.header.compressedBytes }
        shrinking = min(1, max(0.1, Double(block.header.compressedBytes) / Double(max(1, before))))
      }
      if block.bytes.count <= FormatLimits.sealedBlockBytes { return [block] }
    } catch  where error.kind == .tooLarge {
      // Columns of different scales can grow when they are joined; halves then fit.
    }
    if members.count == 2 { return members.map(\.block) }
    let middle = members.startIndex + members.count / 2
    return try join(members[..<middle]) + (try join(members[middle...]))
  }

  /// The block without the rows whose sequences are in `known` (ascending, disjoint): a block for each run of rows that is left.
  /// Sections that this version does not know, which hold nothing that must be kept, are left out.
  public mutating func dropping(
    _ known: [ClosedRange<UInt64>], from block: SealedBlock
  ) throws(FormatError) -> [SealedBlock] {
    let runs = SequenceRuns.without(known, in: block.header.sequences)
    if runs == [block.header.sequences] { return [block] }
    if runs.isEmpty { return [] }
    let groups = try opener.groups(of: block)
    var result: [SealedBlock] = []
    for run in runs {
      result.append(try assemble(groups.compactMap { $0.keeping(run) }, Identity(block.header)))
    }
    return result
  }

  struct Identity {
    let tenant: Tenant
    let signal: Signal
    let origin: Origin
    let optionalFlags: UInt8
  }

  /// Writes groups, whose rows are consecutive together, into one block.
  mutating func assemble(
    _ groups: [GroupColumns], _ identity: Identity
  ) throws(FormatError) -> SealedBlock {
    var tableIndex: [TableName: Int] = [:]
    var tables: [TableName] = []
    var times = TimeRange()
    var entries = 0
    var cells = 0
    var first = UInt64.max
    var last: UInt64 = 0
    for group in groups {
      for table in group.head.tables where tableIndex[table] == nil {
        tableIndex[table] = tables.count
        tables.append(table)
      }
      times.add(group.times)
      entries += group.entryCount
      cells += group.cellCount
      first = min(first, group.head.sequences.first ?? .max)
      last = max(last, group.head.sequences.last ?? 0)
    }
    guard first >= 1, first <= last, last < .max else {
      throw FormatError(.inconsistent, "block: sequences \(first) to \(last)")
    }
    guard tables.count <= FormatLimits.blockTables, max(entries, cells) <= FormatLimits.blockCells,
      groups.count <= FormatLimits.blockGroups, last - first < UInt64(FormatLimits.blockRows)
    else {
      throw FormatError(
        .tooLarge,
        "block: \(tables.count) tables, \(groups.count) groups, \(max(entries, cells)) cells, "
          + "\(last - first + 1) rows; at most \(FormatLimits.blockTables), \(FormatLimits.blockGroups), "
          + "\(FormatLimits.blockCells), \(FormatLimits.blockRows)")
    }
    let range = times.closed ?? 0...0
    var payload = ByteWriter(reserving: cells * 2 + 256)
    writer.write(
      groups, .init(firstSequence: first, smallestTime: range.lowerBound, tableIndex: tableIndex), into: &payload)
    guard payload.count <= FormatLimits.blockPayloadBytes else {
      throw FormatError(
        .tooLarge, "block: a payload of \(payload.count) bytes, at most \(FormatLimits.blockPayloadBytes)")
    }
    var compressed: [UInt8] = []
    let compressedBytes = try compressor.compress(payload.bytes.span.bytes, appendingTo: &compressed)
    let header = BlockHeader(
      signal: identity.signal, optionalFlags: identity.optionalFlags, origin: identity.origin, sequences: first...last,
      entryCount: entries, times: range,
      payloadBytes: payload.count, compressedBytes: compressedBytes,
      payloadChecksum: Checksum.xxh3(compressed.span.bytes), tenant: identity.tenant, tables: tables)
    return SealedBlock(header: header, bytes: header.encoded() + compressed)
  }
}

extension BlockSealer.Identity {
  init(_ header: BlockHeader) {
    self.init(
      tenant: header.tenant, signal: header.signal, origin: header.origin, optionalFlags: header.optionalFlags)
  }
}

extension BlockHeader {
  /// Whether the rows of `next` are the ones after these.
  func isFollowed(by next: BlockHeader) -> Bool {
    origin == next.origin && tenant == next.tenant && signal == next.signal
      && next.sequences.lowerBound == sequences.upperBound + 1
  }
}

/// Arithmetic on ranges of sequences.
public enum SequenceRuns {
  /// What is left of `range` without `known`, which is ascending and disjoint.
  public static func without(
    _ known: [ClosedRange<UInt64>], in range: ClosedRange<UInt64>
  ) -> [ClosedRange<UInt64>] {
    var result: [ClosedRange<UInt64>] = []
    var next = range.lowerBound
    for gap in known where gap.upperBound >= range.lowerBound && gap.lowerBound <= range.upperBound {
      if gap.lowerBound > next { result.append(next...(gap.lowerBound - 1)) }
      if gap.upperBound >= range.upperBound { return result }
      next = max(next, gap.upperBound + 1)
    }
    result.append(next...range.upperBound)
    return result
  }
}
