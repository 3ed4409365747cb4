import ArgumentParser
import Codec
import Model
import Runtime
import WAL

struct WALShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The block that holds a row: header, tables, groups, and with --samples all of it.")

  @Argument(help: "A row's offset.")
  var offset: UInt64

  @OptionGroup var options: LogOptions

  @Flag(help: "Print every sample or log entry, too.")
  var samples = false

  func run() async throws {
    try await options.run { inspector in
      guard let stored = try inspector.block(at: offset) else {
        throw LogError(.misuse, "no block of this log holds the row at offset \(offset)")
      }
      let shown: ShownBlock
      do {
        shown = try ShownBlock(stored.tabled, offsets: stored.offsets, samples: samples)
      } catch let error as FormatError {
        throw LogError(.damaged, "block at offset \(stored.offsets.lowerBound): \(error)")
      }
      if try !options.printJSON(shown) { print(shown.text) }
    }
  }
}

/// A block as it is shown.
struct ShownBlock: Encodable {
  /// Nil for one that is not in the log any more.
  var firstOffset: UInt64?
  var endOffset: UInt64?
  var origin: String
  var firstSequence: UInt64
  var lastSequence: UInt64
  var signal: String
  var tenant: String
  var entries: Int
  var bytes: Int
  var uncompressedBytes: Int
  var groups: [Group]

  struct Group: Encodable {
    /// matrix, loose or logs.
    var kind: String
    var source: String
    var rows: Int
    var series: Int
    var tables: [String]
    var entries: [Entry]?
  }

  struct Entry: Encodable {
    var sequence: UInt64
    var labels: String
    /// Milliseconds since 1970; of log entries nanoseconds.
    var timestamp: Int64
    /// A number, or the line.
    var value: String
  }

  init(_ tabled: TabledBlock, offsets: Range<UInt64>?, samples: Bool) throws {
    let header = tabled.block.header
    firstOffset = offsets?.lowerBound
    endOffset = offsets?.upperBound
    origin = header.origin.description
    firstSequence = header.sequences.lowerBound
    lastSequence = header.sequences.upperBound
    signal = header.signal == .metrics ? "metrics" : "logs"
    tenant = header.tenant.name
    entries = header.entryCount
    bytes = tabled.block.bytes.count
    uncompressedBytes = header.payloadBytes
    let opened = try BlockOpener().open(tabled.block)
    groups = try zip(opened.groups, try opened.resolve(tabled.tables)).map { group, tables in
      var entries: [Entry]?
      if samples {
        let labels = try tables.flatMap { try $0.decode() }.map(\.labels.description)
        entries = ShownBlock.entries(group, labels)
      }
      let kind =
        switch group {
        case .matrix: "matrix"
        case .loose: "loose"
        case .logs: "logs"
        }
      return Group(
        kind: kind, source: String(group.head.source, radix: 16), rows: group.head.sequences.count,
        series: group.head.seriesCount, tables: group.head.tables.map(\.description), entries: entries)
    }
  }

  private static func entries(_ group: OpenedBlock.Group, _ labels: [String]) -> [Entry] {
    var entries: [Entry] = []
    func add(_ sequence: UInt64, _ series: Int, _ timestamp: Int64, _ value: String) {
      entries.append(Entry(sequence: sequence, labels: labels[series], timestamp: timestamp, value: value))
    }
    switch group {
    case .matrix(let matrix):
      matrix.forEachSample { series, row, timestamp, value in
        add(matrix.head.sequences[row], series, timestamp, text(value))
      }
      entries.sort { ($0.sequence, $0.labels) < ($1.sequence, $1.labels) }
    case .loose(let loose):
      var at = 0
      for (row, length) in loose.rowLengths.enumerated() {
        for index in at..<at + length {
          add(loose.head.sequences[row], Int(loose.series[index]), loose.timestamps[index], text(loose.values[index]))
        }
        at += length
      }
    case .logs(let logs):
      for index in 0..<logs.count {
        add(
          logs.head.sequences[index], Int(logs.streams[index]), logs.timestamps[index],
          String(decoding: logs.line(index), as: UTF8.self))
      }
    }
    return entries
  }

  private static func text(_ value: Double) -> String { StaleMarker.matches(value) ? "stale" : "\(value)" }

  var text: String {
    var lines: [String] = []
    if let firstOffset, let endOffset { lines.append("offsets    \(firstOffset)–\(endOffset - 1)") }
    lines += [
      "origin     \(origin), sequences \(firstSequence)–\(lastSequence)",
      "holds      \(entries) \(signal == "logs" ? "log entries" : "samples") of tenant \(Show.tenant(tenant))",
      "bytes      \(bytes), uncompressed \(uncompressedBytes)",
    ]
    for (index, group) in groups.enumerated() {
      lines.append(
        "group \(index)    \(group.kind), source \(group.source): \(group.rows) rows over \(group.series) series")
      lines += group.tables.map { "           table \($0)" }
      lines += (group.entries ?? []).map { "\($0.sequence)  \($0.timestamp)  \($0.labels)  \($0.value)" }
    }
    return lines.joined(separator: "\n")
  }
}
