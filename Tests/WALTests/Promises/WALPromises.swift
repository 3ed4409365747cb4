import Foundation
import Testing

/// The tests of the promises in the order of the design's section 2: `swift test --filter WALPromises` runs them alone. They start
/// programs, so they run one after the other.
@Suite("The log's promises", .serialized)
enum WALPromises {
  /// Each test prints its seed; `CLYMENE_TEST_SEED` runs one again.
  static func seed(_ test: String) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["CLYMENE_TEST_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: 0..<1_000_000_000)
    print("WALPromises, \(test): CLYMENE_TEST_SEED=\(seed)")
    return seed
  }

  /// How often, as stated at least; `CLYMENE_TEST_ROUNDS` for more.
  static func rounds(_ stated: Int) -> Int {
    ProcessInfo.processInfo.environment["CLYMENE_TEST_ROUNDS"].flatMap { Int($0) } ?? stated
  }
}
