extension ValueColumns {
  /// The columns of all parts side by side: the same series, the rows of one part after those of the other.
  static func joined(_ parts: [ValueColumns]) -> ValueColumns {
    let seriesCount = parts[0].seriesCount
    let rowCount = parts.reduce(0) { $0 + $1.rowCount }
    var result = ValueColumns(
      seriesCount: seriesCount, rowCount: rowCount, forms: parts[0].forms,
      cells: [Int64](unsafeUninitializedCapacity: seriesCount * rowCount) { cells, initialized in
        var offset = 0
        for part in parts {
          copy(part, into: cells, rowCount: rowCount, offset: offset)
          offset += part.rowCount
        }
        initialized = seriesCount * rowCount
      },
      present: nil, special: nil)
    joinMarks(parts, into: &result)
    result.unifyForms(parts)
    return result
  }

  private static func copy(
    _ part: ValueColumns, into cells: UnsafeMutableBufferPointer<Int64>, rowCount: Int, offset: Int
  ) {
    part.cells.withUnsafeBufferPointer { source in
      if part.rowCount == 1 {
        var at = offset
        for cell in source {
          cells[at] = cell
          at += rowCount
        }
        return
      }
      for series in 0..<part.seriesCount {
        for row in 0..<part.rowCount {
          cells[series * rowCount + offset + row] = source[series * part.rowCount + row]
        }
      }
    }
  }

  private static func joinMarks(_ parts: [ValueColumns], into result: inout ValueColumns) {
    let rowCount = result.rowCount
    // A series that is absent in one part only makes the joined matrix partial.
    let needsPresent = parts.contains { part in
      part.present != nil || part.forms.contains(Form.absent)
    }
    if needsPresent {
      var present = Bitmap(count: result.cellCount, allSet: true)
      var offset = 0
      for part in parts {
        if part.present != nil || part.forms.contains(Form.absent) {
          for series in 0..<part.seriesCount {
            for row in 0..<part.rowCount where !part.isPresent(series, row) {
              present.clear(series * rowCount + offset + row)
            }
          }
        }
        offset += part.rowCount
      }
      result.present = present
    }
    if parts.contains(where: { $0.special != nil }) {
      var special = Bitmap(count: result.cellCount)
      var offset = 0
      for part in parts {
        if let marks = part.special {
          for series in 0..<part.seriesCount {
            for row in 0..<part.rowCount where marks.isSet(series * part.rowCount + row) {
              special.set(series * rowCount + offset + row)
            }
          }
        }
        offset += part.rowCount
      }
      result.special = special
    }
  }

  /// Gives each series one form: the largest scale of its parts, or raw when that does not fit.
  private mutating func unifyForms(_ parts: [ValueColumns]) {
    // Taken out of the parts once: reaching into them for each series would count references twenty times a series.
    let partForms = parts.map(\.forms)
    for series in 0..<seriesCount {
      let first = partForms[0][series]
      var differs = false
      for forms in 1..<partForms.count where partForms[forms][series] != first {
        differs = true
        break
      }
      guard differs else { continue }
      // Parts that hold nothing but special cells (a staleness marker in a block of one scrape) fit any scale.
      let kinds = parts.indices.map { partForms[$0][series] == Form.raw && parts[$0].isAllSpecial(series) }
      var target = Form.absent
      for part in parts.indices where !kinds[part] {
        let form = partForms[part][series]
        if target == Form.absent || (form != Form.absent && form > target) { target = form }
      }
      if target == Form.absent { target = kinds.contains(true) ? Form.raw : Form.absent }
      if target < Form.raw, !rescale(series, to: target, parts, kinds) { target = Form.raw }
      if target == Form.raw { makeRaw(series, parts) }
      forms[series] = target
    }
  }

  /// Whether every present cell is one that is never decimal.
  private func isAllSpecial(_ series: Int) -> Bool {
    (0..<rowCount).allSatisfy { !isPresent(series, $0) || Decimal.isSpecial(cells[series * rowCount + $0]) }
  }

  /// Multiplies the integers of parts with a smaller scale; the cells of all-special parts are marked as such. False, with
  /// nothing changed, when an integer would not be exact.
  private mutating func rescale(
    _ series: Int, to target: UInt8, _ parts: [ValueColumns], _ allSpecial: [Bool]
  ) -> Bool {
    for apply in [false, true] {
      var offset = series * rowCount
      for (index, part) in parts.enumerated() {
        let form = part.forms[series]
        defer { offset += part.rowCount }
        if form == Form.absent { continue }
        if allSpecial[index] {
          if apply { markSpecial(part, series, at: offset) }
          continue
        }
        let factor = Decimal.integers[Int(target - form)]
        for row in 0..<part.rowCount where isDecimalCell(part, series, row) {
          let cell = cells[offset + row]
          if apply {
            cells[offset + row] = cell * factor
          } else {
            // Even without a factor: an integer that is only exact unscaled cannot be divided by the new scale.
            let (product, overflow) = cell.multipliedReportingOverflow(by: factor)
            guard !overflow, target == 0 || product.magnitude < Decimal.scaledLimit.magnitude else { return false }
          }
        }
      }
    }
    return true
  }

  private mutating func markSpecial(_ part: ValueColumns, _ series: Int, at offset: Int) {
    var marks = special ?? Bitmap(count: cellCount)
    for row in 0..<part.rowCount where part.isPresent(series, row) { marks.set(offset + row) }
    special = marks
  }

  private mutating func makeRaw(_ series: Int, _ parts: [ValueColumns]) {
    Decimal.doubles.withUnsafeBufferPointer { powers in
      guard let powers = powers.baseAddress else { return }
      var offset = series * rowCount
      for part in parts {
        let form = part.forms[series]
        if form < Form.raw {
          for row in 0..<part.rowCount where isDecimalCell(part, series, row) {
            let value = Decimal.double(cells[offset + row], Int(form), powers)
            cells[offset + row] = Int64(bitPattern: value.bitPattern)
          }
        }
        offset += part.rowCount
      }
    }
    if special != nil {
      for row in 0..<rowCount { special?.clear(series * rowCount + row) }
    }
  }

  private func isDecimalCell(_ part: ValueColumns, _ series: Int, _ row: Int) -> Bool {
    part.isPresent(series, row) && part.special?.isSet(series * part.rowCount + row) != true
  }

  /// Only these rows, in this order.
  func keeping(_ rows: [Int]) -> ValueColumns {
    var result = ValueColumns(
      seriesCount: seriesCount, rowCount: rows.count, forms: forms,
      cells: (0..<seriesCount).flatMap { series in rows.map { cells[series * rowCount + $0] } }, present: nil,
      special: nil)
    if present != nil || special != nil {
      var kept = Bitmap(count: result.cellCount, allSet: true)
      var marks = Bitmap(count: result.cellCount)
      for series in 0..<seriesCount {
        var any = false
        for (index, row) in rows.enumerated() {
          if !isPresent(series, row) { kept.clear(series * rows.count + index) } else { any = true }
          if special?.isSet(series * rowCount + row) == true { marks.set(series * rows.count + index) }
        }
        if !any { result.forms[series] = Form.absent }
      }
      if present != nil { result.present = kept }
      if special != nil, marks.setCount > 0 { result.special = marks }
    }
    return result
  }

  /// Only these series of a matrix of one row.
  func keeping(series kept: [Int]) -> ValueColumns {
    var result = ValueColumns(
      seriesCount: kept.count, rowCount: 1, forms: kept.map { forms[$0] }, cells: kept.map { cells[$0] },
      present: nil, special: nil)
    if let special {
      var marks = Bitmap(count: kept.count)
      for (index, series) in kept.enumerated() where special.isSet(series) { marks.set(index) }
      if marks.setCount > 0 { result.special = marks }
    }
    return result
  }

  /// Matrices of one row, the series of one after those of the other.
  static func stacked(_ parts: [ValueColumns]) -> ValueColumns {
    var result = ValueColumns(
      seriesCount: parts.reduce(0) { $0 + $1.seriesCount }, rowCount: 1, forms: parts.flatMap(\.forms),
      cells: parts.flatMap(\.cells), present: nil, special: nil)
    if parts.contains(where: { $0.special != nil }) {
      var marks = Bitmap(count: result.cellCount)
      var offset = 0
      for part in parts {
        if let special = part.special {
          for series in 0..<part.seriesCount where special.isSet(series) { marks.set(offset + series) }
        }
        offset += part.seriesCount
      }
      result.special = marks
    }
    return result
  }
}
