import Foundation
import Model
import Testing

@testable import Codec

private let seed =
  ProcessInfo.processInfo.environment["CLYMENE_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...UInt64.max)

@Suite struct BlockHalvingTests {
  @Test("Halved to the end, random blocks fall into single series with everything that was in them")
  func fallsIntoSeries() throws {
    print("BlockHalvingTests: CLYMENE_SEED=\(seed)")
    let opener = try BlockOpener()
    for round in 0..<12 {
      var source = RandomRows(seed: seed &+ UInt64(round))
      var sealer = try BlockSealer()
      let made = source.chance(30) ? try source.logs(firstSequence: 1) : try source.metrics(firstSequence: 1)
      let shard = source.chance(50) ? Shard(index: Int.random(in: 0..<3, using: &source.random), of: 3) : nil
      for tabled in try sealer.seal(made.0, origin: Origin(low: 1, high: 2), firstSequence: 1)
      // Each leaf is opened; a few hundred say enough.
      where tabled.block.header.entryCount < 400 {
        var leaves: [TabledBlock] = []
        try halve(tabled, shard, &sealer, into: &leaves)
        let expected = try facts([tabled], shard, opener)
        let found = try facts(leaves, shard, opener)
        #expect(found == expected, "seed \(seed) round \(round)")
        for leaf in leaves {
          let samples = try facts([leaf], shard, opener).compactMap(\.sampleSequence)
          #expect(samples.count <= 1, "seed \(seed) round \(round)")
          #expect(try SealedBlock(verifying: leaf.block.bytes) == leaf.block)
        }
      }
    }
  }

  @Test("The rows of a shard come out as blocks of their own, and nothing else with them")
  func rowsOfAShard() throws {
    let opener = try BlockOpener()
    for round in 0..<8 {
      var source = RandomRows(seed: seed &+ 1000 &+ UInt64(round))
      var sealer = try BlockSealer()
      let made = try source.metrics(firstSequence: 1)
      for tabled in try sealer.seal(made.0, origin: Origin(low: 1, high: 2), firstSequence: 1) {
        var all: Set<Fact> = []
        for index in 0..<3 {
          let shard = Shard(index: index, of: 3)
          let rows = try sealer.rows(of: tabled, in: shard)
          let found = try facts(rows, nil, opener)
          #expect(found == (try facts([tabled], shard, opener)), "seed \(seed) round \(round)")
          #expect(all.isDisjoint(with: found))
          all.formUnion(found)
        }
        #expect(all == (try facts([tabled], nil, opener)), "seed \(seed) round \(round)")
      }
    }
  }

  private func halve(
    _ tabled: TabledBlock, _ shard: Shard?, _ sealer: inout BlockSealer, into leaves: inout [TabledBlock]
  ) throws {
    switch try sealer.halves(of: tabled, shard: shard) {
    case .rows(let left, let right), .series(let left, let right):
      try halve(left, shard, &sealer, into: &leaves)
      try halve(right, shard, &sealer, into: &leaves)
    case .indivisible: leaves.append(tabled)
    }
  }

  private func facts(
    _ blocks: [TabledBlock], _ shard: Shard?, _ opener: borrowing BlockOpener
  ) throws -> Set<Fact> {
    var found: Set<Fact> = []
    for tabled in blocks {
      let wanted = try opener.open(tabled.block).groups.filter { shard?.holds(source: $0.head.source) ?? true }
      let sequences = Set(wanted.flatMap(\.head.sequences))
      for fact in try Facts.of(tabled.block, tabled.tables, opener) where sequences.contains(fact.sequence) {
        found.insert(fact.withoutPosition)
      }
    }
    return found
  }
}

extension Fact {
  /// A half counts anew.
  fileprivate var withoutPosition: Fact {
    switch self {
    case .sample(let sequence, let labels, let time, let bits, _):
      .sample(sequence: sequence, labels: labels, time: time, bits: bits, position: 0)
    case .histogram(let sequence, let labels, let time, let what, _):
      .histogram(sequence: sequence, labels: labels, time: time, what: what, position: 0)
    case .exemplar(let sequence, let labels, let what, _):
      .exemplar(sequence: sequence, labels: labels, what: what, position: 0)
    case .created(let sequence, let labels, let time, _):
      .created(sequence: sequence, labels: labels, time: time, position: 0)
    case .entry, .row: self
    }
  }

  /// Of a sample or a log entry.
  fileprivate var sampleSequence: UInt64? {
    switch self {
    case .sample(let sequence, _, _, _, _), .entry(let sequence, _, _, _, _): sequence
    case .histogram, .exemplar, .created, .row: nil
    }
  }
}
