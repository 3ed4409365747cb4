import Model

@testable import Codec

/// A generator that a test can print the seed of: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// One sample, entry or extra of a row as a plain value, so that what went in and what came out can be compared.
enum Fact: Hashable, Comparable {
  case sample(sequence: UInt64, labels: ByteString, time: Int64, bits: UInt64, position: Int)
  case histogram(sequence: UInt64, labels: ByteString, time: Int64, what: String, position: Int)
  case exemplar(sequence: UInt64, labels: ByteString, what: ByteString, position: Int)
  case created(sequence: UInt64, labels: ByteString, time: Int64, position: Int)
  case entry(sequence: UInt64, labels: ByteString, time: Int64, line: [UInt8], metadata: ByteString)
  case row(sequence: UInt64, source: UInt64, time: Int64)

  var sequence: UInt64 {
    switch self {
    case .sample(let sequence, _, _, _, _), .histogram(let sequence, _, _, _, _), .exemplar(let sequence, _, _, _),
      .created(let sequence, _, _, _), .entry(let sequence, _, _, _, _), .row(let sequence, _, _):
      sequence
    }
  }

  static func < (a: Fact, b: Fact) -> Bool { "\(a)" < "\(b)" }
}

/// Random rows over random tables, with all that the format can hold.
struct RandomRows {
  var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  mutating func text(_ length: ClosedRange<Int>) -> String {
    let letters = Array("abcdefghij_0123456789:äλ中\"\\\n{}")
    return String(
      (0..<Int.random(in: length, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" })
  }

  mutating func table(_ signal: Signal) throws -> (SeriesTable, [Series]) {
    let count = chance(10) ? Int.random(in: 1...300, using: &random) : Int.random(in: 1...12, using: &random)
    let withMetadata = signal == .metrics && chance(50)
    var series: [Series] = []
    for index in 0..<count {
      var labels = [Label("__name__", chance(50) ? "metric_total" : text(1...20)), Label("n", "\(index)")]
      for _ in 0..<Int.random(in: 0...4, using: &random) { labels.append(Label(text(1...6), text(0...10))) }
      let metadata =
        withMetadata
        ? MetricMetadata(
          type: MetricType.allCases.randomElement(using: &random) ?? .unknown, unit: text(0...4), help: text(0...30))
        : .none
      series.append(Series(Labels(labels), metadata))
    }
    return (try SeriesTable(encoding: series, signal: signal), series)
  }

  mutating func value(_ kind: Int) -> Double {
    switch kind {
    case 0: return Double(Int.random(in: -5...1_000_000, using: &random))
    case 1: return Double(Int.random(in: 0...100_000, using: &random)) / 1000
    case 2: return Double(bitPattern: random.next())
    case 3:
      return [
        0.0, -0.0, .infinity, -.infinity, .nan, StaleMarker.value, 0x1p62, 0x1p53, 9e15, -1e300, .leastNonzeroMagnitude,
      ]
      .randomElement(using: &random) ?? 0
    case 4: return 42
    default: return Double.random(in: -1...1, using: &random)
    }
  }

  mutating func extras(_ series: Int, time: Int64) -> MetricExtras {
    var extras = MetricExtras()
    guard chance(20) else { return extras }
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      let integer = chance(50)
      extras.histograms.append(
        .init(
          series: UInt32.random(in: 0..<UInt32(series), using: &random), timestamp: UnixMilliseconds(time + 3),
          histogram: NativeHistogram(
            resetHint: UInt8.random(in: 0...3, using: &random), schema: Int32.random(in: -53...8, using: &random),
            zeroThreshold: 1e-128, sum: value(2),
            counts: integer
              ? .integer(count: random.next(), zeroCount: 3, positiveDeltas: [1, -1, .min], negativeDeltas: [])
              : .float(countBits: random.next(), zeroCountBits: 0, positiveBits: [random.next()], negativeBits: [7]),
            positiveSpans: [.init(offset: -3, length: 3)], negativeSpans: [.init(offset: .max, length: .max)],
            customBounds: chance(30) ? [0.5, value(2)] : [])))
    }
    if chance(50) {
      extras.exemplars.append(
        .init(
          series: UInt32.random(in: 0..<UInt32(series), using: &random),
          exemplar: Exemplar(
            labels: Labels([Label("trace_id", text(0...16))]), value: value(2),
            timestamp: chance(50) ? UnixMilliseconds(time - 100) : nil)))
    }
    if chance(50) {
      extras.created.append(
        .init(
          series: UInt32.random(in: 0..<UInt32(series), using: &random), created: UnixMilliseconds(time - 1_000_000)))
    }
    return extras
  }

  /// A batch and everything that it says, its rows numbered from `firstSequence`.
  mutating func metrics(firstSequence: UInt64) throws -> (RowBatch, Set<Fact>, [SeriesTable]) {
    var targets: [(source: UInt64, tables: [SeriesTable], series: [Series], kinds: [Int])] = []
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      var tables: [SeriesTable] = []
      var series: [Series] = []
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let (table, content) = try self.table(.metrics)
        tables.append(table)
        series += content
      }
      targets.append((random.next(), tables, series, series.map { _ in Int.random(in: 0...5, using: &random) }))
    }
    var rows: [MetricRow] = []
    var facts: Set<Fact> = []
    var time = Int64.random(in: -1_000_000...2_000_000_000_000, using: &random)
    for index in 0..<Int.random(in: 1...25, using: &random) {
      let sequence = firstSequence + UInt64(index)
      time += Int64.random(in: 0...15_000, using: &random)
      let target = targets.randomElement(using: &random) ?? targets[0]
      let extras = self.extras(target.series.count, time: time)
      if chance(75) {
        let values = target.kinds.map { chance(90) ? value($0) : value(3) }
        let absent = target.series.indices.filter { _ in chance(5) }
        let own = target.series.indices.filter { !absent.contains($0) && chance(3) }
          .map { ScrapeRow.OwnTimestamp(series: UInt32($0), timestamp: UnixMilliseconds(time - Int64($0))) }
        rows.append(
          .scrape(
            ScrapeRow(
              source: target.source, tables: target.tables, timestamp: UnixMilliseconds(time), values: values,
              absent: absent.map { UInt32($0) }, ownTimestamps: own, extras: extras)))
        facts.insert(.row(sequence: sequence, source: target.source, time: time))
        for (series, value) in values.enumerated() where !absent.contains(series) {
          let at = own.first { $0.series == UInt32(series) }?.timestamp.rawValue ?? time
          facts.insert(
            .sample(
              sequence: sequence, labels: ByteString(target.series[series].labels.description), time: at,
              bits: value.bitPattern,
              position: 0))
        }
      } else {
        let samples = (0..<Int.random(in: 0...20, using: &random)).map { _ in
          LooseRow.LooseSample(
            series: UInt32.random(in: 0..<UInt32(target.series.count), using: &random),
            timestamp: UnixMilliseconds(time - Int64.random(in: 0...1000, using: &random)),
            value: value(Int.random(in: 0...5, using: &random)))
        }
        rows.append(
          .loose(LooseRow(source: target.source, tables: target.tables, samples: samples, extras: extras)))
        facts.insert(.row(sequence: sequence, source: target.source, time: 0))
        for (position, sample) in samples.enumerated() {
          facts.insert(
            .sample(
              sequence: sequence, labels: ByteString(target.series[Int(sample.series)].labels.description),
              time: sample.timestamp.rawValue, bits: sample.valueBits, position: position))
        }
      }
      Facts.add(extras, sequence, target.series, to: &facts)
    }
    return (RowBatch(metrics: rows), facts, targets.flatMap(\.tables))
  }

  mutating func logs(firstSequence: UInt64) throws -> (RowBatch, Set<Fact>, [SeriesTable]) {
    var parts: [LogRows] = []
    var facts: Set<Fact> = []
    var tables: [SeriesTable] = []
    var sequence = firstSequence
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let (table, series) = try self.table(.logs)
      tables.append(table)
      let source = random.next()
      let withMetadata = chance(40)
      var entries: [LogRows.Entry] = []
      for _ in 0..<Int.random(in: 1...30, using: &random) {
        let stream = Int.random(in: 0..<series.count, using: &random)
        let time = Int64.random(in: 0...2_000_000_000_000_000_000, using: &random)
        let line = (0..<Int.random(in: 0...50, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let metadata = withMetadata && chance(50) ? [Label(text(1...5), text(0...9)), Label("x", text(0...3))] : []
        entries.append(
          .init(
            stream: UInt32(stream),
            entry: LogEntry(timestamp: UnixNanoseconds(time), line: line, structuredMetadata: metadata)))
        facts.insert(
          .entry(
            sequence: sequence, labels: ByteString(series[stream].labels.description), time: time, line: line,
            metadata: ByteString("\(metadata)")))
        facts.insert(.row(sequence: sequence, source: source, time: 0))
        sequence += 1
      }
      parts.append(LogRows(source: source, tables: [table], entries: entries))
    }
    return (RowBatch(logs: parts), facts, tables)
  }
}

enum Facts {
  static func add(_ extras: MetricExtras, _ sequence: UInt64, _ series: [Series], to facts: inout Set<Fact>) {
    for (position, item) in extras.histograms.enumerated() {
      facts.insert(
        .histogram(
          sequence: sequence, labels: ByteString(series[Int(item.series)].labels.description),
          time: item.timestamp.rawValue,
          what: "\(item.histogram)", position: position))
    }
    for (position, item) in extras.exemplars.enumerated() {
      facts.insert(
        .exemplar(
          sequence: sequence, labels: ByteString(series[Int(item.series)].labels.description),
          what: ByteString("\(item.exemplar)"),
          position: position))
    }
    for (position, item) in extras.created.enumerated() {
      facts.insert(
        .created(
          sequence: sequence, labels: ByteString(series[Int(item.series)].labels.description),
          time: item.created.rawValue,
          position: position))
    }
  }

  /// Everything that a block says.
  static func of(_ block: SealedBlock, _ tables: [SeriesTable], _ opener: borrowing BlockOpener) throws -> Set<Fact> {
    let opened = try opener.open(block)
    var facts: Set<Fact> = []
    for (group, tables) in zip(opened.groups, try opened.resolve(tables)) {
      let series = try tables.flatMap { try $0.decode() }
      switch group {
      case .matrix(let matrix):
        for (row, sequence) in matrix.head.sequences.enumerated() {
          facts.insert(.row(sequence: sequence, source: matrix.head.source, time: matrix.timestamps[row]))
        }
        matrix.forEachSample { index, row, time, value in
          facts.insert(
            .sample(
              sequence: matrix.head.sequences[row], labels: ByteString(series[index].labels.description), time: time,
              bits: value.bitPattern, position: 0))
        }
        add(matrix.extras, matrix.head, series, to: &facts)
      case .loose(let loose):
        var at = 0
        for (row, length) in loose.rowLengths.enumerated() {
          facts.insert(.row(sequence: loose.head.sequences[row], source: loose.head.source, time: 0))
          for position in 0..<length {
            facts.insert(
              .sample(
                sequence: loose.head.sequences[row],
                labels: ByteString(series[Int(loose.series[at])].labels.description),
                time: loose.timestamps[at], bits: loose.values[at].bitPattern, position: position))
            at += 1
          }
        }
        add(loose.extras, loose.head, series, to: &facts)
      case .logs(let logs):
        for index in 0..<logs.count {
          let entry = logs.entry(index)
          facts.insert(.row(sequence: logs.head.sequences[index], source: logs.head.source, time: 0))
          facts.insert(
            .entry(
              sequence: logs.head.sequences[index],
              labels: ByteString(series[Int(logs.streams[index])].labels.description),
              time: entry.timestamp.rawValue, line: entry.line, metadata: ByteString("\(entry.structuredMetadata)")))
        }
      }
    }
    return facts
  }

  private static func add(_ extras: GroupExtras, _ head: GroupHead, _ series: [Series], to facts: inout Set<Fact>) {
    for (row, sequence) in head.sequences.enumerated() {
      add(
        MetricExtras(
          histograms: extras.histograms.filter { $0.row == row }.map(\.value),
          exemplars: extras.exemplars.filter { $0.row == row }.map(\.value),
          created: extras.created.filter { $0.row == row }.map(\.value)), sequence, series, to: &facts)
    }
  }
}
