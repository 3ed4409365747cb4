import Model

/// Which rows, or which blocks, go into one block.
enum Packing {
  /// Rows are cut by the most that they can take, so that what is cut always fits.
  private static let bytes = FormatLimits.blockPayloadBytes - 65_536

  /// Rows in pieces that each fit a block. Throws for a row that does not fit by itself.
  static func pieces(of rows: [MetricRow]) throws(FormatError) -> [ArraySlice<MetricRow>] {
    var pieces: [ArraySlice<MetricRow>] = []
    var start = 0
    var cells = 0
    var weight = 0
    var tables = 0
    for (index, row) in rows.enumerated() {
      let more = row.weight
      guard more.cells <= FormatLimits.blockCells, more.bytes <= bytes else {
        throw FormatError(
          .tooLarge,
          "row \(index): \(more.cells) cells, up to \(more.bytes) bytes; a block takes \(FormatLimits.blockCells) and \(bytes)"
        )
      }
      let full =
        cells + more.cells > FormatLimits.blockCells || weight + more.bytes > bytes
        || tables + row.tables.count > FormatLimits.blockTables || index - start >= FormatLimits.blockGroups
      if full {
        pieces.append(rows[start..<index])
        (start, cells, weight, tables) = (index, 0, 0, 0)
      }
      cells += more.cells
      weight += more.bytes
      tables += row.tables.count
    }
    if start < rows.count { pieces.append(rows[start...]) }
    return pieces
  }

  /// Log rows in pieces that each fit a block; one `LogRows` may be cut between two entries.
  static func pieces(of rows: [LogRows]) throws(FormatError) -> [ArraySlice<LogRows>] {
    var pieces: [[LogRows]] = [[]]
    var weight = 0
    var entries = 0
    for part in rows {
      var current = LogRows(source: part.source, tables: part.tables, entries: [])
      for entry in part.entries {
        let more = entry.limitBytes
        guard more <= bytes else {
          throw FormatError(.tooLarge, "log entry of up to \(more) bytes; a block takes \(bytes)")
        }
        if weight + more > bytes || entries >= FormatLimits.blockRows
          || pieces[pieces.count - 1].count >= FormatLimits.blockTables / FormatLimits.groupTables - 1
        {
          if !current.entries.isEmpty { pieces[pieces.count - 1].append(current) }
          current.entries = []
          pieces.append([])
          (weight, entries) = (0, 0)
        }
        current.entries.append(entry)
        weight += more
        entries += 1
      }
      if !current.entries.isEmpty { pieces[pieces.count - 1].append(current) }
    }
    return pieces.filter { !$0.isEmpty }.map { $0[...] }
  }

  /// Cut between two entries near the middle.
  static func halves(of rows: ArraySlice<LogRows>) -> (left: [LogRows], right: [LogRows]) {
    var room = rows.reduce(0) { $0 + $1.entries.count } / 2
    var left: [LogRows] = []
    var right: [LogRows] = []
    for part in rows {
      let count = min(room, part.entries.count)
      room -= count
      var head = part
      head.entries = Array(part.entries[..<count])
      var tail = part
      tail.entries = Array(part.entries[count...])
      if !head.entries.isEmpty { left.append(head) }
      if !tail.entries.isEmpty { right.append(tail) }
    }
    return (left, right)
  }

  /// How large a merged block will be at most.
  struct MergedSize {
    /// More than a message of 900,000 bytes usually holds, and 20 MiB while they are joined.
    private static let cells = 1_310_720
    private var payload = 0
    private var compressed = 0
    private var cells = 0
    private var tables = 0
    private var rows = 0
    /// What is left of the compressed bytes when blocks are joined, as it was the last time.
    private let shrinking: Double

    init(shrinking: Double) { self.shrinking = shrinking }

    func fits(_ header: BlockHeader, cells more: Int) -> Bool {
      payload + header.payloadBytes <= FormatLimits.blockPayloadBytes * 3 / 2
        && Double(compressed + header.compressedBytes) * shrinking <= Double(FormatLimits.sealedBlockBytes) * 0.95
        && cells + more <= MergedSize.cells
        && tables + header.tables.count <= FormatLimits.blockTables * 8
        && rows + header.rowCount <= FormatLimits.blockRows
    }

    mutating func add(_ header: BlockHeader, cells more: Int) {
      payload += header.payloadBytes
      compressed += header.compressedBytes
      cells += more
      tables += header.tables.count
      rows += header.rowCount
    }
  }
}

extension LogRows.Entry {
  /// More than what the entry takes in a payload.
  fileprivate var limitBytes: Int {
    entry.line.count + 64 + entry.structuredMetadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 30 }
  }
}
