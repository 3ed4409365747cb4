import Codec
import Model

/// Blocks as another log would seal them.
struct SampleBlocks {
  let origin = Origin.random()
  let table: SeriesTable
  var next: UInt64 = 1
  let tenant: Tenant

  init(series: Int = 10, name: String = "up", tenant: Tenant = .default) throws {
    self.tenant = tenant
    table = try SeriesTable(
      encoding: (0..<series).map { Series(Labels([Label("__name__", name), Label("instance", "\($0)")])) })
  }

  mutating func block(rows: Int = 2) throws -> SealedBlock {
    let first = next
    next += UInt64(rows)
    var sealer = try BlockSealer()
    let values = (0..<table.seriesCount).map { Double($0) }
    let batch = RowBatch(
      tenant: tenant,
      metrics: (0..<rows).map { row in
        .scrape(
          ScrapeRow(
            source: 7, tables: [table], timestamp: UnixMilliseconds(Int64(first) * 1000 + Int64(row) * 1000),
            values: values))
      })
    let sealed = try sealer.seal(batch, origin: origin, firstSequence: first)
    guard let block = sealed.first?.block else { throw NothingSealed() }
    return block
  }

  struct NothingSealed: Error {}

  /// A block of log entries.
  static func logs() throws -> (block: SealedBlock, table: SeriesTable) {
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "a")]))], signal: .logs)
    var sealer = try BlockSealer()
    let entry = LogEntry(timestamp: UnixNanoseconds(5), line: Array("hello".utf8))
    let batch = RowBatch(logs: [LogRows(source: 1, tables: [table], entries: [.init(stream: 0, entry: entry)])])
    guard let block = try sealer.seal(batch, origin: .random(), firstSequence: 1).first?.block else {
      throw NothingSealed()
    }
    return (block, table)
  }
}
