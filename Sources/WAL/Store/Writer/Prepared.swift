import Codec
import Model

/// A group of requests made ready for one transaction: sealed, numbered, with nothing decided that a failed commit could not undo.
struct Prepared {
  struct Item {
    var block: SealedBlock
    var tables: [SeriesTable]
  }

  /// What a received block will be told, with offsets counted from the commit's first row.
  enum ReceivedDraft {
    case stored(Range<UInt64>)
    case partly(rows: Int)
    case settled(ReceivedOutcome)

    var isSettledWell: Bool {
      switch self {
      case .stored, .partly, .settled(.alreadyHeld): true
      case .settled: false
      }
    }
  }

  /// In the order of their offsets.
  var items: [Item] = []
  var rows: UInt64 = 0
  var positions: [String: [UInt8]] = [:]
  var received: [ReceivedKey: ReceivedOrigin] = [:]
  var nextSequences: [SegmentTotals.TenantSignal: UInt64] = [:]
  /// Of the appends whose rows are in it, with offsets counted from the commit's first row.
  var appended: [(request: PendingAppend, offsets: Range<UInt64>)] = []
  var receipts: [(request: PendingReceive, drafts: [ReceivedDraft])] = []
  /// Appends that can never be stored.
  var refused: [(request: PendingAppend, error: LogError)] = []
  var refusedRows = 0
  var refusal: LogError?
  var alreadyHeldRows = 0
  /// Of origins with more than 64.
  var forgottenRanges = 0
  var missingTables = 0

  var isEmpty: Bool { items.isEmpty && positions.isEmpty && received.isEmpty }

  mutating func add(_ sealed: [BlockSealer.Sealed]) {
    for one in sealed {
      items.append(Item(block: one.block, tables: one.tables))
      rows += UInt64(one.block.header.rowCount)
    }
  }

  /// About what the commit adds to the file: values in whole pages, and the pages of the trees above them.
  func fileBytes(storing tables: [SeriesTable]) -> Int {
    func pages(_ bytes: Int) -> Int { (bytes + 16 + 4095) / 4096 * 4096 }
    let blocks = items.reduce(0) { $0 + pages($1.block.bytes.count + RecordHead.byteCount) }
    let small =
      positions.reduce(0) { $0 + $1.key.utf8.count + $1.value.count + 32 }
      + received.reduce(0) { $0 + 240 + $1.key.tenant.name.utf8.count + $1.value.sequences.ranges.count * 16 }
    return tables.reduce(blocks) { $0 + pages($1.bytes.count) } + pages(small) * 2 + 16 * 4096
  }
}

extension RowBatch {
  /// The rows of several batches of one tenant and signal, in order.
  static func joining(_ batches: [RowBatch]) -> RowBatch? {
    guard var joined = batches.first else { return nil }
    for batch in batches.dropFirst() {
      switch (joined.rows, batch.rows) {
      case (.metrics(let a), .metrics(let b)): joined.rows = .metrics(a + b)
      case (.logs(let a), .logs(let b)): joined.rows = .logs(a + b)
      default: return nil
      }
    }
    return joined
  }

  /// Two batches with the rows of this one; nil when it has a single row.
  var halves: (RowBatch, RowBatch)? {
    switch rows {
    case .metrics(let rows):
      guard rows.count > 1 else { return nil }
      let middle = rows.count / 2
      return (
        RowBatch(tenant: tenant, metrics: Array(rows[..<middle])),
        RowBatch(tenant: tenant, metrics: Array(rows[middle...]))
      )
    case .logs(let rows):
      if rows.count > 1 {
        let middle = rows.count / 2
        return (
          RowBatch(tenant: tenant, logs: Array(rows[..<middle])), RowBatch(tenant: tenant, logs: Array(rows[middle...]))
        )
      }
      guard let only = rows.first, only.entries.count > 1 else { return nil }
      let middle = only.entries.count / 2
      func part(_ entries: ArraySlice<LogRows.Entry>) -> RowBatch {
        RowBatch(tenant: tenant, logs: [LogRows(source: only.source, tables: only.tables, entries: Array(entries))])
      }
      return (part(only.entries[..<middle]), part(only.entries[middle...]))
    }
  }
}
