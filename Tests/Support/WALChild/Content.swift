import Codec
import Model

/// Rows whose every byte is known from who wrote them: worker, batch, and the run's seed. Whoever reads a row can tell whether
/// it is what was written, and whether its batch is whole.
struct Content {
  let seed: UInt64

  /// Numbers of rows 1 to 12, so that batches have different lengths in rows and bytes.
  func rowCount(_ worker: Int, _ batch: UInt64) -> Int { Int(mix(worker, batch, 0) % 12) + 1 }

  /// `worker batch row rows` and noise, 0 to 400 bytes of it, now and then up to 8,000: values inside LMDB's leaf pages and on
  /// pages of their own.
  func line(_ worker: Int, _ batch: UInt64, _ row: Int) -> [UInt8] {
    var state = mix(worker, batch, UInt64(row) + 1)
    let length = state % 16 == 0 ? Int(state >> 8 & 0x1fff) : Int(state >> 8 & 0x1ff) % 400
    var line = Array("\(worker) \(batch) \(row) \(rowCount(worker, batch)) ".utf8)
    line.reserveCapacity(line.count + length + 8)
    for _ in 0..<((length + 7) / 8) {
      state = Content.next(state)
      withUnsafeBytes(of: state) { line.append(contentsOf: $0) }
    }
    return line
  }

  func batch(_ worker: Int, _ batch: UInt64, table: SeriesTable) -> RowBatch {
    RowBatch(logs: [
      LogRows(
        source: UInt64(worker), tables: [table],
        entries: (0..<rowCount(worker, batch)).map { row in
          LogRows.Entry(
            stream: 0,
            entry: LogEntry(
              timestamp: UnixNanoseconds(1_700_000_000_000_000_000 + Int64(batch) * 1_000_000),
              line: line(worker, batch, row)))
        })
    ])
  }

  /// Another table every 40 batches.
  func table(_ worker: Int, _ batch: UInt64) throws -> SeriesTable {
    let labels = Labels([
      Label("job", "worker-\(worker)"), Label("generation", "\(batch / 40)"),
      Label("pod", String(repeating: "x", count: 200)),
    ])
    return try SeriesTable(encoding: [Series(labels)], signal: .logs)
  }

  /// Which row a line is, or nil when it is none that was written.
  func recognise(_ line: ArraySlice<UInt8>) -> (worker: Int, batch: UInt64, row: Int)? {
    let words = line.prefix(80).split(separator: 0x20, maxSplits: 4, omittingEmptySubsequences: false)
    guard words.count == 5, let worker = Int(String(decoding: words[0], as: UTF8.self)),
      let batch = UInt64(String(decoding: words[1], as: UTF8.self)),
      let row = Int(String(decoding: words[2], as: UTF8.self)), row >= 0, row < rowCount(worker, batch),
      line.elementsEqual(self.line(worker, batch, row))
    else { return nil }
    return (worker, batch, row)
  }

  private func mix(_ worker: Int, _ batch: UInt64, _ row: UInt64) -> UInt64 {
    Content.next(Content.next(Content.next(seed &+ UInt64(worker)) ^ batch) &+ row)
  }

  /// SplitMix64's step.
  static func next(_ state: UInt64) -> UInt64 {
    var z = state &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// What was found of each batch, added up row by row.
struct Tally {
  let content: Content
  private var rows: [Int: [UInt64: [Int]]] = [:]
  private var offsets: [Int: [UInt64: ClosedRange<UInt64>]] = [:]
  private(set) var problems: [String] = []

  init(_ content: Content) { self.content = content }

  mutating func add(_ line: ArraySlice<UInt8>, at offset: UInt64) {
    guard let (worker, batch, row) = content.recognise(line) else {
      problems.append("unknown row at offset \(offset): \(String(decoding: line.prefix(60), as: UTF8.self))")
      return
    }
    rows[worker, default: [:]][batch, default: []].append(row)
    let place = offsets[worker, default: [:]][batch]
    offsets[worker, default: [:]][batch] =
      place.map { min($0.lowerBound, offset)...max($0.upperBound, offset) } ?? offset...offset
  }

  /// `B worker batch first last`: where each batch is.
  func map() -> [String] {
    offsets.flatMap { worker, batches in
      batches.map { "B \(worker) \($0.key) \($0.value.lowerBound) \($0.value.upperBound)" }
    }
  }

  mutating func complain(_ problem: String) { problems.append(problem) }

  func has(_ worker: Int, _ batch: UInt64) -> Bool {
    rows[worker]?[batch]?.count == content.rowCount(worker, batch)
  }

  /// `W worker 1-57,59` for batches that are there whole, once, with their rows in order; `X …` for all others.
  func report() -> [String] {
    var lines = problems.map { "X \($0)" }
    for (worker, batches) in rows.sorted(by: { $0.key < $1.key }) {
      var whole: [UInt64] = []
      for (batch, found) in batches.sorted(by: { $0.key < $1.key }) {
        let expected = Array(0..<content.rowCount(worker, batch))
        if found == expected {
          whole.append(batch)
        } else {
          lines.append("X batch \(worker) \(batch): rows \(found) of \(expected.count)")
        }
      }
      lines.append("W \(worker) \(Tally.ranges(whole))")
    }
    return lines
  }

  static func ranges(_ numbers: [UInt64]) -> String {
    var ranges: [(UInt64, UInt64)] = []
    for number in numbers {
      if let last = ranges.last, last.1 + 1 == number {
        ranges[ranges.count - 1].1 = number
      } else {
        ranges.append((number, number))
      }
    }
    return ranges.map { "\($0.0)-\($0.1)" }.joined(separator: ",")
  }
}
