import Codec
import Model

/// Where a lane puts what its destination refuses for good, and finds what is to be sent once more: the log's folder, or a stand-in in tests.
protocol DeadLetterBox: Sendable {
  /// Returns when the rows are durable there, with what had to go to make room; throws when they are not: `LetterTooLarge` when so many blocks never
  /// fit into one letter.
  func add(_ letter: RefusedRows) async throws -> DroppedLetters

  /// Letters of this lane's forwarder that somebody wants to be sent again, oldest first. Cheap when nothing has changed.
  func redriven() async throws -> [RedrivenLetter]

  /// The destination has it now.
  func remove(_ number: UInt64) async throws

  /// It was refused again.
  func putBack(_ number: UInt64, reason: String) async throws
}

/// Rows with the answer by which the destination refused them.
struct RefusedRows: Sendable {
  var blocks: [TabledBlock]
  var reason: String
  var generation: UInt64

  /// Rows, each once, whatever parts of it are there.
  var rows: Int { blocks.distinctRows }
  var entries: Int { blocks.reduce(0) { $0 + $1.block.header.entryCount } }
}

/// A letter would have more blocks or bytes than one may have.
struct LetterTooLarge: Error {
  var reason: String
}

struct RedrivenLetter: Sendable {
  var number: UInt64
  var blocks: [TabledBlock]

  /// Samples or log entries; a part of a row has fewer than the row.
  var entries: Int { blocks.reduce(0) { $0 + $1.block.header.entryCount } }
}

private struct RowName: Hashable {
  let origin: Origin
  let sequence: UInt64
}

extension [TabledBlock] {
  /// Rows, of which parts with some of their series may stand in several blocks.
  fileprivate var distinctRows: Int {
    var parts: Set<RowName> = []
    var rows = 0
    for block in self {
      let header = block.block.header
      if header.rowCount == 1 {
        parts.insert(RowName(origin: header.origin, sequence: header.sequences.lowerBound))
      } else {
        rows += header.rowCount
      }
    }
    return rows + parts.count
  }
}

/// Older letters that had to go because the folder has a limit.
struct DroppedLetters: Sendable, Equatable {
  var letters = 0
  var rows = 0
}
