import Codec
import Model

/// Makes sure that a block and its tables are what they say before anything of them is stored: everything is decoded within the format's limits.
struct BlockCheck: ~Copyable {
  enum Verdict {
    case good(SealedBlock, [SeriesTable])
    case missing([TableName])
    case refused(String)
    /// Of a later version of the format: it says nothing against the rows.
    case notYet(String)
  }

  private let opener: BlockOpener
  private let cache: TableCache

  init(cache: TableCache) throws(FormatError) {
    self.cache = cache
    let opener = try BlockOpener()
    self.opener = opener
  }

  /// The tables of one request: looked into when a block wants them, and then once.
  struct Sent {
    fileprivate var unchecked: [TableName: [UInt8]] = [:]
    fileprivate var checked: [TableName: SeriesTable] = [:]

    init(_ tables: [[UInt8]]) {
      for bytes in tables {
        // What has no header is nobody's table; the block that wants it says which one it misses.
        guard let header = try? SeriesTable.Header(reading: bytes.span.bytes) else { continue }
        unchecked[header.name] = bytes
      }
    }
  }

  func check(_ bytes: [UInt8], _ sent: inout Sent, tenant: Tenant?) -> Verdict {
    do throws(FormatError) {
      var block = try SealedBlock(verifying: bytes)
      if let tenant, block.header.tenant != tenant { block = block.withTenant(tenant) }
      var tables: [SeriesTable] = []
      var missing: [TableName] = []
      for name in block.header.tables {
        if let table = try table(name, &sent, of: block.header.tenant) {
          tables.append(table)
        } else {
          missing.append(name)
        }
      }
      guard missing.isEmpty else { return .missing(missing) }
      try opener.verify(block, over: tables)
      return .good(block, tables)
    } catch  where Self.isOfALaterVersion(bytes, error) {
      return .notYet("\(error); it may be sent again once this gateway is of a version that reads it")
    } catch {
      return .refused("\(error); sending it again does not help")
    }
  }

  /// Whether a block begins there, and one that this version does not know.
  private static func isOfALaterVersion(_ bytes: [UInt8], _ error: FormatError) -> Bool {
    bytes.starts(with: BlockHeader.magic) && [.unknownFormat, .unknownRequiredSection].contains(error.kind)
  }

  /// The tables that a block would miss, which is not looked at for now. Those that came along are kept, since their sender does not send them again: without that
  /// every table of a skipped request would be asked for in a round of its own. Empty also for what is no block; it is refused when its turn comes.
  func missingTables(of bytes: [UInt8], _ sent: inout Sent, tenant: Tenant?) -> [TableName] {
    guard let header = try? BlockHeader(reading: bytes.span.bytes) else { return [] }
    var missing: [TableName] = []
    for name in header.tables {
      do throws(FormatError) {
        if try table(name, &sent, of: tenant ?? header.tenant) == nil { missing.append(name) }
      } catch {
        // It came and is damaged, which is told when its block's turn comes.
      }
    }
    return missing
  }

  /// A good block's rows, to be numbered anew. Its tenant is kept.
  func rows(of block: SealedBlock, _ tables: [SeriesTable]) throws(FormatError) -> RowBatch {
    try RowBatch(opening: TabledBlock(block: block, tables: tables), with: opener)
  }

  private func table(_ name: TableName, _ sent: inout Sent, of tenant: Tenant) throws(FormatError) -> SeriesTable? {
    if let known = cache.table(name, of: tenant) { return known }
    var table = sent.checked[name]
    if table == nil, let bytes = sent.unchecked[name] {
      let came = try SeriesTable(verifying: bytes)
      // The name is that of the content, and the content can be read: what is stored here is read by every destination.
      _ = try came.decode()
      sent.checked[name] = came
      table = came
    }
    if let table { cache.add(table, of: tenant) }
    return table
  }
}
