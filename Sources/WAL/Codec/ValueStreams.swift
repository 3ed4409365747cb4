/// The byte streams of a value matrix. Like stands beside like, so that zstd finds what repeats:
///
///     forms     a byte a series: bits 0-3 scale 0...12, 13 raw, 15 absent; 0x10 constant, 0x20 partial, 0x40 special
///     presence  for each partial series a bitmap of its rows, lowest bit first, (rows + 7) / 8 bytes
///     specials  for each series with specials: varint count, then their rows as varints (each less the one before, minus one)
///     firsts    for each decimal series the first integer, zigzag varint (none when all its present cells are special)
///     deltas    for each decimal series that is not constant the differences of the following integers, zigzag varints
///     raws      for each raw series the doubles' bits (one if constant), and for each special cell its bits, little-endian
struct ValueStreams: Sendable {
  var forms = ByteWriter()
  var presence = ByteWriter()
  var specials = ByteWriter()
  var firsts = ByteWriter()
  var deltas = ByteWriter()
  var raws = ByteWriter()

  mutating func removeAll() {
    forms.bytes.removeAll(keepingCapacity: true)
    presence.bytes.removeAll(keepingCapacity: true)
    specials.bytes.removeAll(keepingCapacity: true)
    firsts.bytes.removeAll(keepingCapacity: true)
    deltas.bytes.removeAll(keepingCapacity: true)
    raws.bytes.removeAll(keepingCapacity: true)
  }

  mutating func append(_ columns: ValueColumns) {
    let rows = columns.rowCount
    columns.cells.withUnsafeBufferPointer { cells in
      columns.forms.withUnsafeBufferPointer { columnForms in
        for series in 0..<columnForms.count {
          let form = columnForms[series]
          if form == ValueColumns.Form.absent {
            forms.byte(form)
            continue
          }
          let base = series * rows
          let range = base..<(base + rows)
          if columns.present?.isAllSet(range) ?? true, columns.special?.isNoneSet(range) ?? true {
            appendPlain(form, UnsafeBufferPointer(rebasing: cells[range]))
          } else {
            appendGeneral(form, cells, base, columns)
          }
        }
      }
    }
  }

  /// A series with every cell present and none special: the common case.
  @inline(__always)
  private mutating func appendPlain(_ form: UInt8, _ column: UnsafeBufferPointer<Int64>) {
    var differs = false
    for row in 1..<max(1, column.count) where column[row] != column[0] {
      differs = true
      break
    }
    forms.byte(differs ? form : form | ValueColumns.Form.constant)
    if form == ValueColumns.Form.raw {
      for row in 0..<(differs ? column.count : 1) { raws.fixed(column[row]) }
      return
    }
    firsts.zigzag(column[0])
    guard differs else { return }
    var previous = column[0]
    for row in 1..<column.count {
      let delta = column[row] &- previous
      previous = column[row]
      deltas.zigzag(delta)
    }
  }

  private mutating func appendGeneral(
    _ form: UInt8, _ cells: UnsafeBufferPointer<Int64>, _ base: Int, _ columns: ValueColumns
  ) {
    let rows = columns.rowCount
    let presentRows = (0..<rows).filter { columns.isPresent(base / rows, $0) }
    let specialRows = presentRows.filter { columns.special?.isSet(base + $0) == true }
    let partial = presentRows.count < rows
    let constant =
      specialRows.isEmpty && presentRows.allSatisfy { cells[base + $0] == cells[base + presentRows[0]] }
    forms.byte(
      form | (constant ? ValueColumns.Form.constant : 0) | (partial ? ValueColumns.Form.partial : 0)
        | (specialRows.isEmpty ? 0 : ValueColumns.Form.special))
    if partial {
      var bits = [UInt8](repeating: 0, count: (rows + 7) / 8)
      for row in presentRows { bits[row >> 3] |= 1 << UInt8(row & 7) }
      presence.raw(bits)
    }
    if !specialRows.isEmpty {
      specials.varint(specialRows.count)
      var next = 0
      for row in specialRows {
        specials.varint(row - next)
        next = row + 1
      }
    }
    if form == ValueColumns.Form.raw {
      for row in constant ? Array(presentRows.prefix(1)) : presentRows { raws.fixed(cells[base + row]) }
      return
    }
    var previous: Int64?
    for row in presentRows {
      let cell = cells[base + row]
      if columns.special?.isSet(base + row) == true {
        raws.fixed(cell)
      } else if let before = previous {
        if constant { break }
        deltas.zigzag(cell &- before)
        previous = cell
      } else {
        firsts.zigzag(cell)
        previous = cell
      }
    }
  }
}
