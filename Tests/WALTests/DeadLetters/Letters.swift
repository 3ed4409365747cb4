import Codec
import Model

@testable import WAL

/// Blocks to make dead letters of.
enum Letters {
  /// One block with these log lines; several when they do not fit one.
  static func blocks(_ numbers: Range<Int>, padding: Int = 0, name: String = "app") throws -> [TabledBlock] {
    var sealer = try BlockSealer()
    return try sealer.seal(
      Rows.lines(numbers, padding: padding, table: Rows.table(name)), origin: Origin(low: 1, high: 2),
      firstSequence: UInt64(numbers.lowerBound) + 1)
  }

  static func numbers(_ letter: DeadLetter) throws -> [Int] {
    try Rows.numbers(letter.tabled.map { StoredBlock(offsets: 0..<1, block: $0.block, tables: $0.tables) })
  }
}

extension DeadLetters {
  /// A letter with these log lines.
  @discardableResult
  func add(
    _ numbers: Range<Int>, padding: Int = 0, consumer: String = "remote", reason: String = "400 no", attempts: Int = 1
  ) async throws -> Added {
    try await add(
      consumer: consumer, generation: 1, blocks: Letters.blocks(numbers, padding: padding), reason: reason,
      attempts: attempts)
  }
}
