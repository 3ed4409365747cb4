import ArgumentParser
import WAL

struct WALListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Segments, or the blocks of one of them.")

  @OptionGroup var options: LogOptions

  @Option(help: "List the blocks of the segment that starts at this offset.")
  var segment: UInt64?

  func run() async throws {
    try await options.run { inspector in
      if let segment {
        let (blocks, problems) = try inspector.blocks(of: segment)
        if try !options.printJSON(blocks) { print(table(blocks)) }
        try report(problems)
      } else {
        let segments = try inspector.segments()
        if try !options.printJSON(segments) { print(table(segments)) }
      }
    }
  }

  private func table(_ segments: [SegmentDescription]) -> String {
    var table = TextTable([
      ("first", .right), ("end", .right), ("rows", .right), ("blocks", .right), ("blocks' bytes", .right),
      ("file", .right), ("oldest", .left), ("newest", .left), ("state", .left),
    ])
    for segment in segments {
      let state = segment.isActive ? "active" : segment.hasChecksums ? "sealed" : "sealed, no page checksums"
      table.add([
        "\(segment.firstOffset)", "\(segment.endOffset)", "\(segment.rows)\(segment.isEstimated ? "?" : "")",
        "\(segment.blocks)", Show.bytes(segment.blockBytes), Show.bytes(segment.fileBytes),
        Show.time(segment.oldestTime), Show.time(segment.newestTime), state,
      ])
    }
    return table.text
  }

  private func table(_ blocks: [BlockDescription]) -> String {
    var table = TextTable([
      ("offsets", .left), ("sequences", .left), ("origin", .left), ("signal", .left), ("tenant", .left),
      ("entries", .right), ("bytes", .right), ("tables", .right),
    ])
    for block in blocks {
      table.add([
        "\(block.firstOffset)–\(block.endOffset - 1)", "\(block.firstSequence)–\(block.lastSequence)",
        String(block.origin.prefix(8)), block.signal, Show.tenant(block.tenant), "\(block.entries)", "\(block.bytes)",
        "\(block.tables.count)",
      ])
    }
    return table.text
  }
}
