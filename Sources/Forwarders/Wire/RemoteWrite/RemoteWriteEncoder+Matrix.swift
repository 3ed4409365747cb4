import Codec

extension RemoteWriteEncoder {
  /// Writes the series of scrapes of one target over the same tables.
  mutating func write(_ groups: [MatrixGroup], _ templates: [LabelTemplate], _ extras: inout SeriesExtras) {
    tile.start(groups)
    var first = 0
    for template in templates {
      walker.start(template)
      template.coded.withUnsafeBytes { coded in
        var at = 0
        while at < template.seriesCount {
          let end = min(at + tile.seriesLimit, template.seriesCount)
          tile.fill(groups, (first + at)..<(first + end))
          for series in at..<end { write(series, first, tileIndex: series - at, template, coded, &extras) }
          at = end
        }
      }
      first += template.seriesCount
    }
  }

  @inline(__always)
  private mutating func write(
    _ series: Int, _ first: Int, tileIndex: Int, _ template: LabelTemplate, _ coded: UnsafeRawBufferPointer,
    _ extras: inout SeriesExtras
  ) {
    let rows = tile.rowCount
    let cell = tileIndex * rows
    let isOwn = tile.hasOwnTimes && tile.isOwn[tileIndex] == 1
    var count = rows
    if tile.hasAbsent {
      count = isOwn ? squeezed(cell, rows) : presentCount(cell, rows)
      if count == 0, !extras.hasHistogram(first + series) { return }
    }
    walker.move(to: series, in: template, coded)
    let open = begin(samples: count)
    if isOwn {
      order(cell, count)
      samples(tile.bits + cell, tile.cellTimes + cell, count)
    } else if count == rows {
      stamped(cell, rows)
    } else {
      stampedPresent(cell, rows, count)
    }
    end(open, index: first + series, &extras)
  }

  @inline(__always)
  private func presentCount(_ cell: Int, _ rows: Int) -> Int {
    let present = tile.present + cell
    var count = 0
    for row in 0..<rows { count += Int(present[row]) }
    return count
  }

  /// Writes one sample with its row's ready-made timestamp at `at`, and gives the place behind it.
  @inline(__always)
  private static func stamp(
    _ bits: UInt64, _ stamp: UnsafeMutableRawPointer, at: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    let words = (stamp.load(as: UInt64.self), (stamp + 8).load(as: UInt64.self))
    let length = Int(truncatingIfNeeded: words.1.littleEndian >> 56)
    at.storeBytes(of: RemoteWriteFields.bytesKey(RemoteWriteFields.Series.sample), as: UInt8.self)
    var next = at + 2
    if bits != 0 {
      next.storeBytes(of: RemoteWriteFields.fixedKey(RemoteWriteFields.Sample.value), as: UInt8.self)
      (next + 1).storeBytes(of: bits.littleEndian, as: UInt64.self)
      next += 9
    }
    // 16 bytes, whatever the length: what is too many is written over, or is the slack.
    next.storeBytes(of: words.0, as: UInt64.self)
    (next + 8).storeBytes(of: words.1, as: UInt64.self)
    next += length
    (at + 1).storeBytes(of: UInt8(truncatingIfNeeded: next - at - 2), as: UInt8.self)
    return next
  }

  @inline(__always)
  private mutating func stamped(_ cell: Int, _ rows: Int) {
    let bits = tile.bits + cell
    let stamps = tile.stamps
    var at = out.base + out.count
    for row in 0..<rows { at = Self.stamp(bits[row], stamps + row * 16, at: at) }
    out.count = at - out.base
    counts.samples += rows
  }

  private mutating func stampedPresent(_ cell: Int, _ rows: Int, _ count: Int) {
    let bits = tile.bits + cell
    let present = tile.present + cell
    let stamps = tile.stamps
    var at = out.base + out.count
    for row in 0..<rows where present[row] == 1 { at = Self.stamp(bits[row], stamps + row * 16, at: at) }
    out.count = at - out.base
    counts.samples += count
  }

  /// Moves the present cells of a series with times of its own to the front, and gives their number.
  private mutating func squeezed(_ cell: Int, _ rows: Int) -> Int {
    let (bits, times, present) = (tile.bits + cell, tile.cellTimes + cell, tile.present + cell)
    var count = 0
    for row in 0..<rows where present[row] == 1 {
      bits[count] = bits[row]
      times[count] = times[row]
      count += 1
    }
    return count
  }

  /// Sorts a series' samples by their own times, those of one time as they came. They nearly always are.
  private mutating func order(_ cell: Int, _ count: Int) {
    let (bits, times) = (tile.bits + cell, tile.cellTimes + cell)
    guard (1..<max(1, count)).contains(where: { times[$0] < times[$0 - 1] }) else { return }
    let sorted = (0..<count).sorted { (times[$0], $0) < (times[$1], $1) }.map { (times[$0], bits[$0]) }
    for (index, sample) in sorted.enumerated() { (times[index], bits[index]) = sample }
  }
}
