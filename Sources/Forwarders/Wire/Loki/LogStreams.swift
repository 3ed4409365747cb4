import Codec
import Model

/// The entries of a delivery's blocks by stream: those of a stream together in the order of their rows, the streams in the order of first sight.
///
/// Streams of several tables that have the same labels are one.
struct LogStreams {
  struct Reference {
    let group: Int
    let entry: Int
  }

  struct Stream {
    /// As ``LokiLabels`` writes it.
    let labels: [UInt8]
    var entries: [Reference] = []
  }

  private(set) var streams: [Stream] = []
  private(set) var groups: [LogGroup] = []
  private(set) var entryCount = 0

  /// Throws when a block or table cannot be read, or a block has metrics. Groups of sources that the shard does not hold are left out.
  init(
    _ blocks: [TabledBlock], shard: Shard?, _ opener: borrowing BlockOpener, _ texts: LokiLabelTexts
  ) throws(FormatError) {
    var byText: [ArraySlice<UInt8>: Int] = [:]
    // For each stream of a table its place in `streams`, -1 until it is seen.
    var places: [TableName: [Int]] = [:]
    for block in blocks {
      guard block.block.header.signal == .logs else {
        throw FormatError(.inconsistent, "block: metrics, where only log entries are taken")
      }
      let opened = try opener.open(block.block)
      for (group, tables) in zip(opened.groups, try opened.resolve(block.tables)) {
        guard case .logs(let group) = group else { continue }
        if let shard, !shard.holds(source: group.head.source) { continue }
        // Through the group's tables: for each of its streams the place in `streams`.
        var own: [Int] = []
        var tableTexts: [(texts: LokiLabelTexts.Texts, first: Int)] = []
        for table in tables {
          tableTexts.append((try texts.texts(of: table), own.count))
          own += places[table.name] ?? Array(repeating: -1, count: table.seriesCount)
        }
        for entry in 0..<group.count {
          let stream = Int(group.streams[entry])
          var place = own[stream]
          if place < 0, let table = tableTexts.last(where: { $0.first <= stream }) {
            let text = table.texts.text(stream - table.first)
            if let known = byText[text] {
              place = known
            } else {
              place = streams.count
              byText[text] = place
              streams.append(Stream(labels: Array(text)))
            }
            own[stream] = place
          }
          streams[place].entries.append(Reference(group: groups.count, entry: entry))
        }
        for (at, table) in tables.enumerated() {
          let first = tableTexts[at].first
          places[table.name] = Array(own[first..<first + table.seriesCount])
        }
        entryCount += group.count
        groups.append(group)
      }
    }
  }
}
