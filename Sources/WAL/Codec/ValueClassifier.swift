/// Finds each series' form: turns the bits in `cells` into scaled integers where all values of a series allow it.
extension ValueColumns {
  /// `bits` are series-major bit patterns of doubles.
  init(classifying bits: [Int64], seriesCount: Int, rowCount: Int, present: Bitmap?) {
    self.seriesCount = seriesCount
    self.rowCount = rowCount
    self.cells = bits
    self.present = present
    self.forms = [UInt8](repeating: 0, count: seriesCount)
    self.special = nil
    classify()
  }

  private mutating func classify() {
    let rows = rowCount
    let present = self.present
    var special: Bitmap?
    let cellCount = self.cellCount
    var scratch = [Int64](repeating: 0, count: rows)
    cells.withUnsafeMutableBufferPointer { cells in
      forms.withUnsafeMutableBufferPointer { forms in
        scratch.withUnsafeMutableBufferPointer { scratch in
          Decimal.doubles.withUnsafeBufferPointer { powers in
            guard let powers = powers.baseAddress else { return }
            for series in 0..<forms.count {
              let base = series * rows
              let column = UnsafeMutableBufferPointer(rebasing: cells[base..<(base + rows)])
              if let present, !present.isAllSet(base..<(base + rows)) {
                forms[series] = classifyPartial(column, base, present, scratch, powers, cellCount, &special)
              } else {
                forms[series] = classifyFull(column, base, scratch, powers, cellCount, &special)
              }
            }
          }
        }
      }
    }
    self.special = special
  }
}

/// A column whose cells are all present.
@inline(__always)
private func classifyFull(
  _ column: UnsafeMutableBufferPointer<Int64>, _ base: Int, _ scratch: UnsafeMutableBufferPointer<Int64>,
  _ powers: UnsafePointer<Double>, _ cellCount: Int, _ special: inout Bitmap?
) -> UInt8 {
  let first = column[0]
  var same = true
  for cell in column where cell != first {
    same = false
    break
  }
  if same {
    // Two of three series never change within a block.
    guard !Decimal.isSpecial(first), let (integer, scale) = smallestScale(first, from: 0, powers) else {
      return ValueColumns.Form.raw
    }
    for row in 0..<column.count { column[row] = integer }
    return scale
  }
  var scale: UInt8 = 0
  var specials = 0
  for row in 0..<column.count {
    let bits = column[row]
    if Decimal.isSpecial(bits) {
      specials += 1
      scratch[row] = bits
      continue
    }
    let value = Double(bitPattern: UInt64(bitPattern: bits))
    if let integer = Decimal.scaled(value, Int(scale), powers) {
      scratch[row] = integer
      continue
    }
    guard let (integer, raised) = smallestScale(bits, from: scale, powers) else { return ValueColumns.Form.raw }
    let factor = Decimal.integers[Int(raised - scale)]
    for earlier in 0..<row where !Decimal.isSpecial(column[earlier]) {
      let (product, overflow) = scratch[earlier].multipliedReportingOverflow(by: factor)
      guard !overflow, product.magnitude < Decimal.scaledLimit.magnitude else { return ValueColumns.Form.raw }
      scratch[earlier] = product
    }
    scale = raised
    scratch[row] = integer
  }
  guard specials * 2 <= column.count else { return ValueColumns.Form.raw }
  if specials > 0 {
    if special == nil { special = Bitmap(count: cellCount) }
    for row in 0..<column.count where Decimal.isSpecial(column[row]) { special?.set(base + row) }
  }
  for row in 0..<column.count { column[row] = scratch[row] }
  return scale
}

/// A column with absent cells: compacted, classified as a full one, and spread again.
private func classifyPartial(
  _ column: UnsafeMutableBufferPointer<Int64>, _ base: Int, _ present: Bitmap,
  _ scratch: UnsafeMutableBufferPointer<Int64>, _ powers: UnsafePointer<Double>, _ cellCount: Int,
  _ special: inout Bitmap?
) -> UInt8 {
  let rows = (0..<column.count).filter { present.isSet(base + $0) }
  if rows.isEmpty { return ValueColumns.Form.absent }
  var packed = rows.map { column[$0] }
  let count = packed.count
  var packedSpecial: Bitmap?
  let form = packed.withUnsafeMutableBufferPointer {
    classifyFull($0, 0, scratch, powers, count, &packedSpecial)
  }
  for (index, row) in rows.enumerated() {
    column[row] = packed[index]
    if packedSpecial?.isSet(index) == true {
      if special == nil { special = Bitmap(count: cellCount) }
      special?.set(base + row)
    }
  }
  return form
}

/// The smallest scale from `start` on at which the value is an integer that divides back.
@inline(__always)
private func smallestScale(
  _ bits: Int64, from start: UInt8, _ powers: UnsafePointer<Double>
) -> (integer: Int64, scale: UInt8)? {
  let value = Double(bitPattern: UInt64(bitPattern: bits))
  var scale = Int(start)
  while scale <= Int(ValueColumns.Form.maxScale) {
    if let integer = Decimal.scaled(value, scale, powers) { return (integer, UInt8(scale)) }
    scale += 1
  }
  return nil
}
