/// Samples of a matrix that came with a time of their own, by series, then row, in three streams so that like stands beside like: varint
/// count; for each the varint series less that of the one before; for each the varint row, or, in the series of the one before, the row less that
/// one's and less 1; for each the zigzag milliseconds from the row's time, less the same of the one before in that row.
enum OwnTimestampSection {
  static func write(_ cells: [OwnTimestampCell], _ timestamps: [Int64]) -> ByteWriter {
    var out = ByteWriter(reserving: cells.count * 4)
    out.varint(cells.count)
    var rows = ByteWriter(reserving: cells.count)
    var times = ByteWriter(reserving: cells.count * 2)
    // Exporters of containers give all series of one container the same time.
    var lastOffset = [Int64](repeating: 0, count: timestamps.count)
    var series = 0
    var row = -1
    for cell in cells {
      out.varint(cell.series - series)
      rows.varint(cell.series == series ? cell.row - row - 1 : cell.row)
      let offset = cell.timestamp &- timestamps[cell.row]
      times.zigzag(offset &- lastOffset[cell.row])
      lastOffset[cell.row] = offset
      (series, row) = (cell.series, cell.row)
    }
    out.raw(rows.bytes)
    out.raw(times.bytes)
    return out
  }

  static func read(
    _ reader: ByteReader, _ frame: GroupFrame, _ timestamps: [Int64], in payload: RawSpan
  ) throws(FormatError) -> [OwnTimestampCell] {
    var reader = reader
    if reader.isAtEnd { return [] }
    let count = try reader.count("own timestamps", limit: reader.remaining / 3, in: payload)
    var cells: [OwnTimestampCell] = []
    cells.reserveCapacity(count)
    var series: [Int] = []
    series.reserveCapacity(count)
    var last = 0
    for _ in 0..<count {
      last += try reader.count("own timestamp: series", limit: frame.seriesCount - 1 - last, in: payload)
      series.append(last)
    }
    var previous = (series: 0, row: -1)
    for index in 0..<count {
      let isSame = series[index] == previous.series
      let first = isSame ? previous.row + 1 : 0
      let at = reader.offset
      let row = first + (try reader.count("own timestamp: row", limit: frame.rowCount, in: payload))
      guard row < frame.rowCount else {
        throw FormatError(.inconsistent, "own timestamp: row \(row) of \(frame.rowCount)", at: at)
      }
      cells.append(OwnTimestampCell(series: series[index], row: row, timestamp: 0))
      previous = (series[index], row)
    }
    var lastOffset = [Int64](repeating: 0, count: frame.rowCount)
    for index in 0..<count {
      let row = cells[index].row
      lastOffset[row] = lastOffset[row] &+ (try reader.zigzag("own timestamp", in: payload))
      cells[index] = OwnTimestampCell(
        series: cells[index].series, row: row, timestamp: timestamps[row] &+ lastOffset[row])
    }
    try reader.finish("own timestamps")
    return cells
  }
}

extension OwnTimestampCell {
  /// By series, then row. Cells of one scrape come in this order anyway.
  static func ordered(_ cells: [OwnTimestampCell]) -> [OwnTimestampCell] {
    func precedes(_ a: OwnTimestampCell, _ b: OwnTimestampCell) -> Bool { (a.series, a.row) < (b.series, b.row) }
    if zip(cells, cells.dropFirst()).allSatisfy({ precedes($0, $1) }) { return cells }
    return cells.sorted(by: precedes)
  }
}
