import Codec
import Model

/// Opened blocks as lines of JSON, in pieces of bounded size. The shape of the lines: see ``FileForwarder``.
struct JSONLines: ~Copyable {
  /// Lines are handed on when they are this many bytes together, or one line more.
  static let pieceBytes = 4 << 20

  private var cache: LabelTextCache
  private var piece: [UInt8] = []
  private(set) var lineCount = 0

  init(cacheBytes: Int) {
    cache = LabelTextCache(limitBytes: cacheBytes)
    piece.reserveCapacity(Self.pieceBytes + 4096)
  }

  /// Writes the rows of a block that are not in `known`, which is ascending and disjoint.
  mutating func write<Failure: Error>(
    _ block: OpenedBlock, _ tables: [[SeriesTable]], without known: [ClosedRange<UInt64>],
    _ emit: ([UInt8]) throws(Failure) -> Void
  ) throws where Failure: Sendable {
    let tenant = Self.tenantText(block.header.tenant)
    for (group, tables) in zip(block.groups, tables) {
      var labels: [LabelText] = []
      var owner: [(table: Int, series: Int)] = []
      owner.reserveCapacity(group.head.seriesCount)
      for (at, table) in tables.enumerated() {
        labels.append(try cache.text(table))
        for series in 0..<table.seriesCount { owner.append((at, series)) }
      }
      let scope = Scope(tenant: tenant, labels: labels, owner: owner, wanted: Self.wanted(group.head.sequences, known))
      switch group {
      case .matrix(let matrix): try write(matrix, scope, emit)
      case .loose(let loose): try write(loose, scope, emit)
      case .logs(let logs): try write(logs, scope, emit)
      }
    }
  }

  /// Hands on what is left.
  mutating func finish<Failure: Error>(_ emit: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
    defer { piece.removeAll(keepingCapacity: true) }
    if !piece.isEmpty { try emit(piece) }
  }

  /// Forgets lines that were not handed on.
  mutating func discard() {
    piece.removeAll(keepingCapacity: true)
    lineCount = 0
  }

  /// What all lines of a group share.
  private struct Scope {
    let tenant: [UInt8]
    let labels: [LabelText]
    /// For each of the group's series its table and its place there.
    let owner: [(table: Int, series: Int)]
    /// For each row whether it is written.
    let wanted: [Bool]

    func appendLabels(_ series: Int, to out: inout [UInt8]) {
      let place = owner[series]
      labels[place.table].append(place.series, to: &out)
    }
  }

  private static func wanted(_ sequences: [UInt64], _ known: [ClosedRange<UInt64>]) -> [Bool] {
    sequences.map { sequence in !known.contains { $0.contains(sequence) } }
  }

  /// What stands between the timestamp and the labels.
  private static func tenantText(_ tenant: Tenant) -> [UInt8] {
    guard tenant != .default else { return Array(#","labels":"#.utf8) }
    var text = Array(#","tenant":"#.utf8)
    JSONText.append(string: tenant.name, to: &text)
    return text + Array(#","labels":"#.utf8)
  }

  private mutating func endLine<Failure: Error>(_ emit: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
    JSONText.append(raw: "}\n", to: &piece)
    lineCount += 1
    if piece.count >= Self.pieceBytes { try finish(emit) }
  }

  private mutating func beginLine(_ timestamp: Int64, _ series: Int, _ scope: Scope) {
    JSONText.append(raw: #"{"timestamp":"#, to: &piece)
    JSONText.append(timestamp, to: &piece)
    piece.append(contentsOf: scope.tenant)
    scope.appendLabels(series, to: &piece)
  }

  private mutating func sample<Failure: Error>(
    _ timestamp: Int64, _ value: Double, _ series: Int, _ scope: Scope, _ emit: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    beginLine(timestamp, series, scope)
    JSONText.append(raw: #","value":"#, to: &piece)
    if StaleMarker.matches(value) {
      JSONText.append(raw: #""stale""#, to: &piece)
    } else {
      JSONText.append(value, to: &piece)
    }
    try endLine(emit)
  }

  private mutating func write<Failure: Error>(
    _ group: MatrixGroup, _ scope: Scope, _ emit: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var own = group.ownTimestamps[...]
    for row in 0..<group.rowCount {
      for series in 0..<group.seriesCount where group.isPresent(series, row) {
        var timestamp = group.timestamps[row]
        // Sorted by row, then series, as the lines are.
        while let cell = own.first, (cell.row, cell.series) <= (row, series) {
          if (cell.row, cell.series) == (row, series) { timestamp = cell.timestamp }
          own.removeFirst()
        }
        guard scope.wanted[row] else { continue }
        try sample(timestamp, group.values[series * group.rowCount + row], series, scope, emit)
      }
    }
    try write(group.extras, scope, emit)
  }

  private mutating func write<Failure: Error>(
    _ group: LooseGroup, _ scope: Scope, _ emit: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var at = 0
    for (row, length) in group.rowLengths.enumerated() {
      defer { at += length }
      guard scope.wanted[row] else { continue }
      for index in at..<at + length {
        try sample(group.timestamps[index], group.values[index], Int(group.series[index]), scope, emit)
      }
    }
    try write(group.extras, scope, emit)
  }

  private mutating func write<Failure: Error>(
    _ group: LogGroup, _ scope: Scope, _ emit: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    for entry in 0..<group.count where scope.wanted[entry] {
      JSONText.append(raw: #"{"timestamp":""#, to: &piece)
      JSONText.append(group.timestamps[entry], to: &piece)
      piece.append(UInt8(ascii: "\""))
      piece.append(contentsOf: scope.tenant)
      scope.appendLabels(Int(group.streams[entry]), to: &piece)
      let metadata = group.structuredMetadata.isEmpty ? [] : group.structuredMetadata[entry]
      if !metadata.isEmpty {
        JSONText.append(raw: #","metadata":"#, to: &piece)
        LogText.append(metadata: metadata, to: &piece)
      }
      LogText.append(line: group.line(entry), to: &piece)
      try endLine(emit)
    }
  }

  private mutating func write<Failure: Error>(
    _ extras: GroupExtras, _ scope: Scope, _ emit: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    for item in extras.histograms where scope.wanted[item.row] {
      beginLine(item.value.timestamp.rawValue, Int(item.value.series), scope)
      JSONText.append(raw: #","histogram":"#, to: &piece)
      HistogramText.append(item.value.histogram, to: &piece)
      try endLine(emit)
    }
    for item in extras.exemplars where scope.wanted[item.row] {
      let exemplar = item.value.exemplar
      beginTimeless(Int(item.value.series), scope)
      JSONText.append(raw: #","exemplar":{"labels":"#, to: &piece)
      LabelText.append(exemplar.labels.pairs, to: &piece)
      JSONText.append(raw: #","value":"#, to: &piece)
      JSONText.append(exemplar.value, to: &piece)
      if let timestamp = exemplar.timestamp {
        JSONText.append(raw: #","timestamp":"#, to: &piece)
        JSONText.append(timestamp.rawValue, to: &piece)
      }
      piece.append(UInt8(ascii: "}"))
      try endLine(emit)
    }
    for item in extras.created where scope.wanted[item.row] {
      beginTimeless(Int(item.value.series), scope)
      JSONText.append(raw: #","created":"#, to: &piece)
      JSONText.append(item.value.created.rawValue, to: &piece)
      try endLine(emit)
    }
  }

  /// A line about a series, not about one of its samples.
  private mutating func beginTimeless(_ series: Int, _ scope: Scope) {
    piece.append(UInt8(ascii: "{"))
    piece.append(contentsOf: scope.tenant.dropFirst())
    scope.appendLabels(series, to: &piece)
  }
}
