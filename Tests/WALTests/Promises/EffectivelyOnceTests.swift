import Foundation
import Testing

@testable import WAL

/// Promise 2: between Clymene logs a row arrives once, whatever is sent again, joined otherwise, cut, lost or copied on the way.
@Suite struct `Rows that go from log to log` {
  static var seeds: [UInt64] {
    if let seed = ProcessInfo.processInfo.environment["CLYMENE_SEED"].flatMap(UInt64.init) { return [seed] }
    return Array(1...UInt64(WALPromises.rounds(8)))
  }

  @Test(arguments: seeds)
  func `arrive once, through two gateways, with crashes, copied disks and lost answers`(seed: UInt64) async throws {
    var chain = try await Chain(seed: seed)
    for _ in 0..<90 { try await chain.step() }
    try await chain.drain()
    let counts = try await chain.arrived()
    let wrong = chain.made.filter { counts[$0, default: 0] != 1 }.sorted()
    #expect(wrong.isEmpty, "seed \(seed): rows \(wrong.prefix(5).map { "\($0): \(counts[$0, default: 0]) times" })")
    let unknown = chain.perhaps.filter { counts[$0, default: 0] > 1 }
    #expect(unknown.isEmpty, "seed \(seed): rows \(unknown.prefix(5)), whose making nobody saw, came several times")
    #expect(Set(counts.keys).isSubset(of: chain.made.union(chain.perhaps)), "seed \(seed): rows that nobody made")
    #expect(chain.made.count > 50)
    try await chain.close()
  }
}
