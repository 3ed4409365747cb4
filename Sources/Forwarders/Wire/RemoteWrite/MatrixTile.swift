import Codec

/// The cells of a few series over all the rows of all blocks of a bundle, series by series, rows in the order of time: so few that they stay in the
/// processor's nearest cache, whatever the blocks' own layout.
struct MatrixTile: ~Copyable {
  private static let cellLimit = 2048

  private(set) var rowCount = 0
  /// Series that one tile holds.
  private(set) var seriesLimit = 0
  private(set) var hasAbsent = false
  private(set) var hasOwnTimes = false
  /// Each row's place in the order of time; empty when they came in it.
  private var ranks: [Int] = []
  /// Milliseconds, in the order of time.
  private(set) var times: [Int64] = []
  /// Each part's own timestamps up to this have been read.
  private var ownCursors: [Int] = []

  private var bitsMemory = WireBuffer()
  private var presentMemory = WireBuffer()
  private var timesMemory = WireBuffer()
  private var ownMemory = WireBuffer()
  private var stampMemory = WireBuffer()

  var bits: UnsafeMutablePointer<UInt64> { bitsMemory.base.assumingMemoryBound(to: UInt64.self) }
  /// One byte a cell, 0 where it is absent; only when `hasAbsent`.
  var present: UnsafeMutablePointer<UInt8> { presentMemory.base.assumingMemoryBound(to: UInt8.self) }
  /// Milliseconds, one a cell; only for series with `isOwn`.
  var cellTimes: UnsafeMutablePointer<Int64> { timesMemory.base.assumingMemoryBound(to: Int64.self) }
  /// One byte a series, 1 where it has a time of its own; only when `hasOwnTimes`.
  var isOwn: UnsafeMutablePointer<UInt8> { ownMemory.base.assumingMemoryBound(to: UInt8.self) }
  /// 16 bytes a row: its timestamp as a sample's field, in the last byte how long that is.
  var stamps: UnsafeMutableRawPointer { stampMemory.base }

  mutating func removeAll(keptBytes: Int) {
    bitsMemory.removeAll(keptBytes: keptBytes)
    presentMemory.removeAll(keptBytes: keptBytes)
    timesMemory.removeAll(keptBytes: keptBytes)
    ownMemory.removeAll(keptBytes: keptBytes)
    stampMemory.removeAll(keptBytes: keptBytes)
  }

  /// Prepares for these parts: puts the rows into the order of time, and makes room.
  mutating func start(_ parts: [MatrixGroup]) {
    times = parts.flatMap(\.timestamps)
    rowCount = times.count
    hasAbsent = parts.contains { $0.present != nil }
    hasOwnTimes = parts.contains { !$0.ownTimestamps.isEmpty }
    ownCursors = [Int](repeating: 0, count: parts.count)
    ranks = []
    if !zip(times, times.dropFirst()).allSatisfy({ $0 <= $1 }) {
      let order = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
      ranks = [Int](repeating: 0, count: rowCount)
      for (rank, row) in order.enumerated() { ranks[row] = rank }
      times = order.map { times[$0] }
    }
    seriesLimit = max(1, MatrixTile.cellLimit / max(1, rowCount))
    let cells = seriesLimit * rowCount
    bitsMemory.reserve(cells * 8)
    if hasAbsent { presentMemory.reserve(cells) }
    if hasOwnTimes {
      timesMemory.reserve(cells * 8)
      ownMemory.reserve(seriesLimit)
    }
    stampMemory.reserve(rowCount * 16)
    for (row, time) in times.enumerated() {
      let stamp = stampMemory.base + row * 16
      var length = 0
      if time != 0 {
        stamp.storeBytes(of: RemoteWriteFields.varintKey(RemoteWriteFields.Sample.timestamp), as: UInt8.self)
        length = Varint.store(UInt64(bitPattern: time), at: stamp + 1) - stamp
      }
      (stamp + 15).storeBytes(of: UInt8(length), as: UInt8.self)
    }
  }

  /// Reads the cells of these series, which follow those read before.
  mutating func fill(_ parts: [MatrixGroup], _ series: Range<Int>) {
    if hasOwnTimes {
      for index in 0..<series.count {
        isOwn[index] = 0
        times.withUnsafeBufferPointer { times in
          if let source = times.baseAddress { (cellTimes + index * rowCount).update(from: source, count: rowCount) }
        }
      }
    }
    var base = 0
    for (index, part) in parts.enumerated() {
      fillValues(part, series, base)
      if hasAbsent { fillPresence(part, series, base) }
      if hasOwnTimes { fillTimes(part, index, series, base) }
      base += part.rowCount
    }
  }

  @inline(__always)
  private func place(_ row: Int) -> Int { ranks.isEmpty ? row : ranks[row] }

  private mutating func fillValues(_ part: MatrixGroup, _ series: Range<Int>, _ base: Int) {
    let rows = part.rowCount
    let bits = self.bits
    let width = rowCount
    part.values.withUnsafeBufferPointer { values in
      guard let values = values.baseAddress else { return }
      var source = UnsafeRawPointer(values + series.lowerBound * rows)
      if !ranks.isEmpty {
        for index in 0..<series.count {
          for row in 0..<rows {
            bits[index * width + ranks[base + row]] = source.load(as: UInt64.self)
            source += 8
          }
        }
      } else if rows == width {
        UnsafeMutableRawPointer(bits).copyMemory(from: source, byteCount: series.count * rows * 8)
      } else {
        var target = bits + base
        for _ in 0..<series.count {
          for row in 0..<rows {
            target[row] = source.load(as: UInt64.self)
            source += 8
          }
          target += width
        }
      }
    }
  }

  private mutating func fillPresence(_ part: MatrixGroup, _ series: Range<Int>, _ base: Int) {
    let rows = part.rowCount
    for (index, one) in series.enumerated() {
      for row in 0..<rows {
        present[index * rowCount + place(base + row)] = part.present?.isSet(one * rows + row) ?? true ? 1 : 0
      }
    }
  }

  private mutating func fillTimes(_ part: MatrixGroup, _ index: Int, _ series: Range<Int>, _ base: Int) {
    var at = ownCursors[index]
    let cells = part.ownTimestamps
    while at < cells.count, cells[at].series < series.upperBound {
      let inTile = cells[at].series - series.lowerBound
      isOwn[inTile] = 1
      cellTimes[inTile * rowCount + place(base + cells[at].row)] = cells[at].timestamp
      at += 1
    }
    ownCursors[index] = at
  }
}
