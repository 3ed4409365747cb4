/// What opening found and what it did about it; worth a log line each.
public struct OpeningReport: Sendable, Codable, Equatable {
  public enum Finding: Sendable, Codable, Equatable {
    /// The log was made.
    case created
    /// The process before did not close the log.
    case uncleanStop
    /// A file that was begun, and in which nothing was ever stored, is gone.
    case emptySegmentRemoved(file: String)
    /// A segment was damaged: kept byte for byte in the quarantine, rebuilt from what could be read.
    case segmentRebuilt(file: String, reason: String, blocks: Int, rows: UInt64)
    /// The catalog was damaged: kept in the quarantine. Cursors are as of the last roll or start anew.
    case catalogRebuilt(reason: String)
    /// There was no catalog although there is data.
    case catalogMissing
    /// Rows that the log had and that no file holds.
    case rowsMissing(from: UInt64, to: UInt64)
    /// Small values whose checksum does not fit were left out.
    case entriesDamaged(file: String, count: Int)
    /// Collectors' positions come from the segment before or the catalog: rows after them may be collected again.
    case positionsFromCopy
    /// The catalog would have known which rows of other logs are held; what the newest segments say was taken. Older rows that come again are stored again.
    case originsFromSegments
    /// Something in the directory that is none of the log's files; left alone.
    case unknownFile(String)
    /// The disk was full; these rows went so that the log could be opened, by the policy `drop-oldest`.
    case droppedForRoom(from: UInt64, to: UInt64)
    /// There is no room for the reserve.
    case noReserve
  }

  /// In the order in which they came up.
  public var findings: [Finding] = []
  public var segments = 0
  public var firstOffset: UInt64 = 0
  public var endOffset: UInt64 = 0
  public var milliseconds: Double = 0

  /// Nothing but an orderly stop before.
  public var isClean: Bool { findings.allSatisfy { $0 == .created } }
}

extension OpeningReport.Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .created: "a new log"
    case .uncleanStop: "the log was not closed the last time; its newest segment was checked"
    case .emptySegmentRemoved(let file): "\(file) was begun and never written to; removed"
    case .segmentRebuilt(let file, let reason, let blocks, let rows):
      "\(file) is damaged (\(reason)); a copy is in quarantine/, \(blocks) blocks with \(rows) rows were read from it"
    case .catalogRebuilt(let reason):
      "the catalog is damaged (\(reason)); a copy is in quarantine/, cursors are as they were copied last"
    case .catalogMissing: "there is no catalog; cursors are as they were copied last"
    case .rowsMissing(let from, let to): "rows \(from) to \(to) (\(to - from)) are in no file"
    case .entriesDamaged(let file, let count): "\(count) small entries of \(file) do not fit their checksums; left out"
    case .positionsFromCopy: "collectors' positions are older than the data; some rows may be collected again"
    case .originsFromSegments:
      "which rows of other logs are held was read from the newest segments; older ones, sent again, are stored again"
    case .unknownFile(let file): "\(file) is no file of the log; left alone"
    case .droppedForRoom(let from, let to): "the disk was full: rows \(from) to \(to) were dropped to open the log"
    case .noReserve: "there is no room for the reserve file"
    }
  }
}
