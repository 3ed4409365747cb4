import Model

/// Writes groups into a payload; its buffers are kept from block to block.
struct GroupWriter {
  private var streams = ValueStreams()

  /// What all groups of a block refer to.
  struct Context {
    let firstSequence: UInt64
    let smallestTime: Int64
    /// Where each table stands in the header.
    let tableIndex: [TableName: Int]
  }

  mutating func write(_ groups: [GroupColumns], _ context: Context, into payload: inout ByteWriter) {
    payload.varint(groups.count)
    for group in groups {
      var body = ByteWriter()
      body.section(Section.head, head(group.head, context))
      switch group {
      case .matrix(let matrix): write(matrix, context, into: &body)
      case .loose(let loose): write(loose, context, into: &body)
      case .logs(let logs): write(logs, context, into: &body)
      }
      payload.byte(group.kind)
      payload.varint(body.count)
      payload.raw(body.bytes)
    }
  }

  private func head(_ head: GroupHead, _ context: Context) -> ByteWriter {
    var out = ByteWriter()
    out.varint(head.tables.count)
    for (table, series) in zip(head.tables, head.tableSeries) {
      out.varint(context.tableIndex[table] ?? 0)
      out.varint(series)
    }
    out.fixed(head.source)
    var runs: [(gap: UInt64, length: Int)] = []
    var next = context.firstSequence
    for sequence in head.sequences {
      if !runs.isEmpty, sequence == next {
        runs[runs.count - 1].length += 1
      } else {
        runs.append((sequence - next, 1))
      }
      next = sequence + 1
    }
    out.varint(runs.count)
    for run in runs {
      out.varint(run.gap)
      out.varint(run.length - 1)
    }
    return out
  }

  private mutating func write(_ group: MatrixColumns, _ context: Context, into body: inout ByteWriter) {
    var times = ByteWriter()
    var previous = context.smallestTime
    var step: Int64 = 0
    for (row, time) in group.timestamps.enumerated() {
      let delta = time &- previous
      times.zigzag(row < 2 ? delta : delta &- step)
      if row > 0 { step = delta }
      previous = time
    }
    body.section(Section.times, times)
    writeValues(group.values, into: &body)
    if !group.ownTimestamps.isEmpty {
      body.section(Section.ownTimestamps, OwnTimestampSection.write(group.ownTimestamps, group.timestamps))
    }
    writeExtras(group.extras, context, into: &body)
  }

  private mutating func write(_ group: LooseColumns, _ context: Context, into body: inout ByteWriter) {
    body.section(Section.times, GroupWriter.deltas(group.timestamps, from: context.smallestTime))
    writeValues(group.values, into: &body)
    body.section(Section.rowLengths, GroupWriter.varints(group.rowLengths.map { UInt64($0) }))
    body.section(Section.references, GroupWriter.varints(group.series.map { UInt64($0) }))
    writeExtras(group.extras, context, into: &body)
  }

  private func write(_ group: LogColumns, _ context: Context, into body: inout ByteWriter) {
    body.section(Section.times, GroupWriter.deltas(group.timestamps, from: context.smallestTime))
    body.section(Section.references, GroupWriter.varints(group.streams.map { UInt64($0) }))
    body.section(Section.lineLengths, GroupWriter.varints(group.lengths.map { UInt64($0) }))
    var lines = ByteWriter()
    lines.bytes = group.lines
    body.section(Section.lines, lines)
    if !group.metadata.isEmpty { body.section(Section.metadata, MetadataSection.write(group.metadata)) }
  }

  private mutating func writeValues(_ values: ValueColumns, into body: inout ByteWriter) {
    streams.removeAll()
    streams.append(values)
    body.section(Section.forms, streams.forms)
    body.section(Section.presence, streams.presence)
    body.section(Section.specials, streams.specials)
    body.section(Section.firsts, streams.firsts)
    body.section(Section.deltas, streams.deltas)
    body.section(Section.raws, streams.raws)
  }

  private func writeExtras(_ extras: GroupExtras, _ context: Context, into body: inout ByteWriter) {
    if extras.isEmpty { return }
    if !extras.histograms.isEmpty {
      body.section(Section.histograms, HistogramSection.write(extras.histograms, context.smallestTime))
    }
    if !extras.exemplars.isEmpty {
      body.section(Section.exemplars, ExemplarSection.write(extras.exemplars, context.smallestTime))
    }
    if !extras.created.isEmpty {
      var created = ByteWriter()
      created.varint(extras.created.count)
      for item in extras.created {
        created.varint(item.row)
        created.varint(UInt64(item.value.series))
        created.zigzag(item.value.created.rawValue &- context.smallestTime)
      }
      body.section(Section.created, created)
    }
  }

  private static func deltas(_ times: [Int64], from start: Int64) -> ByteWriter {
    var out = ByteWriter()
    var previous = start
    for time in times {
      out.zigzag(time &- previous)
      previous = time
    }
    return out
  }

  private static func varints(_ values: [UInt64]) -> ByteWriter {
    var out = ByteWriter(reserving: values.count)
    for value in values { out.varint(value) }
    return out
  }
}
