import Model

/// What the parts of a group are checked against.
struct GroupFrame {
  let seriesCount: Int
  let rowCount: Int
  let smallestTime: Int64

  /// A row and a series, both inside the group.
  func cell(
    _ reader: inout ByteReader, _ what: String, in payload: RawSpan
  ) throws(FormatError) -> (row: Int, series: Int) {
    let row = try reader.count("\(what): row", limit: rowCount - 1, in: payload)
    return (row, try reader.count("\(what): series", limit: seriesCount - 1, in: payload))
  }
}

/// Reads the groups of one payload, checking everything against the header and the limits.
struct GroupReader {
  let header: BlockHeader
  /// Cells that the groups read so far hold.
  private var cells = 0
  private var rows = 0
  /// Some group has sections that this version does not know.
  private(set) var hasUnknownSections = false

  init(header: BlockHeader) { self.header = header }

  mutating func read(_ payload: RawSpan) throws(FormatError) -> [GroupColumns] {
    var reader = ByteReader(end: payload.byteCount)
    let count = try reader.count("groups", limit: min(FormatLimits.blockGroups, header.rowCount), in: payload)
    var groups: [GroupColumns] = []
    groups.reserveCapacity(count)
    for _ in 0..<count {
      let kind = try reader.byte("group", in: payload)
      let at = reader.offset
      let length = try reader.count("group: length", limit: reader.remaining, in: payload)
      let sections = try SectionMap(
        reading: try reader.sub(length, "group", in: payload), in: payload)
      hasUnknownSections = hasUnknownSections || sections.hasUnknown
      let head = try readHead(sections, in: payload)
      switch (kind, header.signal) {
      case (GroupColumns.matrixKind, .metrics): groups.append(.matrix(try readMatrix(head, sections, in: payload)))
      case (GroupColumns.looseKind, .metrics): groups.append(.loose(try readLoose(head, sections, in: payload)))
      case (GroupColumns.logsKind, .logs): groups.append(.logs(try readLogs(head, sections, in: payload)))
      default:
        throw FormatError(.inconsistent, "group: kind \(kind) in a block of \(header.signal)", at: at)
      }
    }
    try reader.finish("payload")
    return groups
  }

  private mutating func readHead(_ sections: SectionMap, in payload: RawSpan) throws(FormatError) -> GroupHead {
    var reader = sections.reader(Section.head)
    let at = reader.offset
    let tableCount = try reader.count("group: tables", limit: FormatLimits.groupTables, in: payload)
    guard tableCount >= 1 else { throw FormatError(.inconsistent, "group: no table", at: at) }
    var tables: [TableName] = []
    var tableSeries: [Int] = []
    for _ in 0..<tableCount {
      let index = try reader.count("group: table", limit: FormatLimits.blockTables, in: payload)
      guard index < header.tables.count else {
        throw FormatError(.inconsistent, "group: table \(index) of \(header.tables.count)", at: reader.offset)
      }
      tables.append(header.tables[index])
      let series = try reader.count("group: series", limit: FormatLimits.tableSeries, in: payload)
      guard series >= 1 else { throw FormatError(.inconsistent, "group: a table of no series", at: reader.offset) }
      tableSeries.append(series)
    }
    let source = try reader.fixed(UInt64.self, "group: source", in: payload)
    let runCount = try reader.count(
      "group: runs of rows", limit: min(header.rowCount, reader.remaining / 2), in: payload)
    var sequences: [UInt64] = []
    var next = header.sequences.lowerBound
    for _ in 0..<runCount {
      let at = reader.offset
      let gap = try reader.varint("group: gap", in: payload)
      let more = try reader.varint("group: run", in: payload)
      let room = header.sequences.upperBound &- next
      guard next <= header.sequences.upperBound, gap <= room, more <= room - gap else {
        throw FormatError(
          .inconsistent,
          "group: rows past sequence \(header.sequences.upperBound), the block's last", at: at)
      }
      // Bounded by the block's rows, which are bounded by the limit.
      let first = next + gap
      sequences.append(contentsOf: first...(first + more))
      next = first + more + 1
    }
    guard !sequences.isEmpty else { throw FormatError(.inconsistent, "group: no rows", at: at) }
    rows += sequences.count
    guard rows <= header.rowCount else {
      throw FormatError(.inconsistent, "groups: more rows than the header's \(header.rowCount)", at: at)
    }
    try reader.finish("group: head")
    return GroupHead(tables: tables, tableSeries: tableSeries, source: source, sequences: sequences)
  }

  private mutating func addCells(_ more: Int, at offset: Int) throws(FormatError) {
    cells += more
    guard cells <= FormatLimits.blockCells else {
      throw FormatError(.tooLarge, "groups: more than \(FormatLimits.blockCells) cells", at: offset)
    }
  }

  private mutating func readMatrix(
    _ head: GroupHead, _ sections: SectionMap, in payload: RawSpan
  ) throws(FormatError) -> MatrixColumns {
    try sections.allow(
      only: [
        Section.head, Section.times, Section.forms, Section.presence, Section.specials, Section.firsts, Section.deltas,
        Section.raws, Section.ownTimestamps, Section.histograms, Section.exemplars, Section.created,
      ], "matrix")
    let frame = GroupFrame(
      seriesCount: head.seriesCount, rowCount: head.sequences.count, smallestTime: header.times.lowerBound)
    try addCells(frame.seriesCount * frame.rowCount, at: sections.start)
    var times = sections.reader(Section.times)
    var timestamps: [Int64] = []
    timestamps.reserveCapacity(frame.rowCount)
    var previous = frame.smallestTime
    var step: Int64 = 0
    for row in 0..<frame.rowCount {
      let value = try times.zigzag("times", in: payload)
      let delta = row < 2 ? value : value &+ step
      if row > 0 { step = delta }
      previous = previous &+ delta
      timestamps.append(previous)
    }
    try times.finish("times")
    let values = try ValueColumns(
      reading: valueRanges(sections), seriesCount: frame.seriesCount, rowCount: frame.rowCount, in: payload)
    let own = try OwnTimestampSection.read(
      sections.reader(Section.ownTimestamps), frame, timestamps, in: payload)
    guard own.allSatisfy({ values.isPresent($0.series, $0.row) }) else {
      throw FormatError(.inconsistent, "own timestamps: of an absent cell", at: sections.start)
    }
    return MatrixColumns(
      head: head, timestamps: timestamps, values: values, ownTimestamps: own,
      extras: try readExtras(sections, frame, in: payload))
  }

  private mutating func readLoose(
    _ head: GroupHead, _ sections: SectionMap, in payload: RawSpan
  ) throws(FormatError) -> LooseColumns {
    try sections.allow(
      only: [
        Section.head, Section.times, Section.forms, Section.specials, Section.firsts, Section.raws, Section.rowLengths,
        Section.references, Section.histograms, Section.exemplars, Section.created,
      ], "loose samples")
    let frame = GroupFrame(
      seriesCount: head.seriesCount, rowCount: head.sequences.count, smallestTime: header.times.lowerBound)
    var lengths = sections.reader(Section.rowLengths)
    var rowLengths: [Int] = []
    var samples = 0
    for _ in 0..<frame.rowCount {
      let length = try lengths.count("row length", limit: FormatLimits.blockCells, in: payload)
      samples += length
      // Each sample has at least a byte in the references.
      guard samples <= sections.range(Section.references).count else {
        throw FormatError(.inconsistent, "loose samples: more than there are references", at: lengths.offset)
      }
      rowLengths.append(length)
    }
    try lengths.finish("row lengths")
    try addCells(samples, at: sections.start)
    let series = try readReferences(sections, samples, frame.seriesCount, in: payload)
    let timestamps = try readDeltas(sections, samples, in: payload)
    let values = try ValueColumns(
      reading: valueRanges(sections), seriesCount: samples, rowCount: 1, in: payload)
    guard !values.forms.contains(ValueColumns.Form.absent), values.present == nil else {
      throw FormatError(.inconsistent, "loose samples: an absent value", at: sections.start)
    }
    return LooseColumns(
      head: head, rowLengths: rowLengths, series: series, timestamps: timestamps, values: values,
      extras: try readExtras(sections, frame, in: payload))
  }

  private mutating func readLogs(
    _ head: GroupHead, _ sections: SectionMap, in payload: RawSpan
  ) throws(FormatError) -> LogColumns {
    try sections.allow(
      only: [
        Section.head, Section.times, Section.references, Section.lineLengths, Section.lines, Section.metadata,
      ], "log entries")
    let entries = head.sequences.count
    try addCells(entries, at: sections.start)
    let streams = try readReferences(sections, entries, head.seriesCount, in: payload)
    let timestamps = try readDeltas(sections, entries, in: payload)
    var reader = sections.reader(Section.lineLengths)
    let lines = sections.range(Section.lines)
    var lengths: [Int] = []
    lengths.reserveCapacity(entries)
    var total = 0
    for _ in 0..<entries {
      let length = try reader.count("line length", limit: lines.count - total, in: payload)
      total += length
      lengths.append(length)
    }
    try reader.finish("line lengths")
    guard total == lines.count else {
      throw FormatError(.inconsistent, "lines: \(lines.count) bytes, lengths add up to \(total)", at: lines.lowerBound)
    }
    return LogColumns(
      head: head, streams: streams, timestamps: timestamps, lengths: lengths, lines: payload.array(lines),
      metadata: try MetadataSection.read(sections.reader(Section.metadata), entries: entries, in: payload))
  }

  private func readReferences(
    _ sections: SectionMap, _ count: Int, _ seriesCount: Int, in payload: RawSpan
  ) throws(FormatError) -> [UInt32] {
    var reader = sections.reader(Section.references)
    guard count <= reader.remaining else {
      throw FormatError(.truncated, "references: \(count) in \(reader.remaining) bytes", at: reader.offset)
    }
    var references: [UInt32] = []
    references.reserveCapacity(count)
    for _ in 0..<count {
      references.append(UInt32(try reader.count("reference", limit: seriesCount - 1, in: payload)))
    }
    try reader.finish("references")
    return references
  }

  private func readDeltas(
    _ sections: SectionMap, _ count: Int, in payload: RawSpan
  ) throws(FormatError) -> [Int64] {
    var reader = sections.reader(Section.times)
    guard count <= reader.remaining else {
      throw FormatError(.truncated, "times: \(count) in \(reader.remaining) bytes", at: reader.offset)
    }
    var times: [Int64] = []
    times.reserveCapacity(count)
    var previous = header.times.lowerBound
    for _ in 0..<count {
      previous = previous &+ (try reader.zigzag("times", in: payload))
      times.append(previous)
    }
    try reader.finish("times")
    return times
  }

  private func readExtras(
    _ sections: SectionMap, _ frame: GroupFrame, in payload: RawSpan
  ) throws(FormatError) -> GroupExtras {
    var extras = GroupExtras()
    extras.histograms = try HistogramSection.read(sections.reader(Section.histograms), frame, in: payload)
    extras.exemplars = try ExemplarSection.read(sections.reader(Section.exemplars), frame, in: payload)
    var reader = sections.reader(Section.created)
    if !reader.isAtEnd {
      let count = try reader.count("created", limit: reader.remaining / 3, in: payload)
      for _ in 0..<count {
        let (row, series) = try frame.cell(&reader, "created", in: payload)
        let time = frame.smallestTime &+ (try reader.zigzag("created", in: payload))
        extras.created.append(
          .init(row: row, value: .init(series: UInt32(series), created: UnixMilliseconds(time))))
      }
      try reader.finish("created")
    }
    return extras
  }

  private func valueRanges(_ sections: SectionMap) -> ValueStreamRanges {
    ValueStreamRanges(
      forms: sections.range(Section.forms), presence: sections.range(Section.presence),
      specials: sections.range(Section.specials), firsts: sections.range(Section.firsts),
      deltas: sections.range(Section.deltas), raws: sections.range(Section.raws))
  }
}
