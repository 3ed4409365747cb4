import Codec

/// Where a lane puts what its destination refuses for good, and finds what is to be sent once more: the log's folder, or a stand-in in tests.
protocol DeadLetterBox: Sendable {
  /// Returns when the rows are durable there, with what had to go to make room; throws when they are not.
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

  var rows: Int { blocks.reduce(0) { $0 + $1.block.header.rowCount } }
}

struct RedrivenLetter: Sendable {
  var number: UInt64
  var blocks: [TabledBlock]

  var rows: Int { blocks.reduce(0) { $0 + $1.block.header.rowCount } }
}

/// Older letters that had to go because the folder has a limit.
struct DroppedLetters: Sendable, Equatable {
  var letters = 0
  var rows = 0
}
