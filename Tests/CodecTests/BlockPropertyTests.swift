import Foundation
import Model
import Testing

@testable import Codec

/// Seeds are printed; `CLYMENE_SEED` repeats one.
private let seed =
  ProcessInfo.processInfo.environment["CLYMENE_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...UInt64.max)

@Suite struct BlockPropertyTests {
  @Test("Random batches come back bit for bit, merged or not, with rows dropped out of the middle or not")
  func roundTrip() throws {
    print("BlockPropertyTests: CLYMENE_SEED=\(seed)")
    for round in 0..<60 {
      var source = RandomRows(seed: seed &+ UInt64(round))
      var sealer = try BlockSealer()
      let opener = try BlockOpener()
      let origin = Origin.random(using: &source.random)
      let isLogs = source.chance(30)
      var next: UInt64 = source.chance(50) ? 1 : UInt64.random(in: 1...(1 << 40), using: &source.random)
      var blocks: [SealedBlock] = []
      var tables: [TableName: SeriesTable] = [:]
      var facts: Set<Fact> = []
      var earlier: (RowBatch, Set<Fact>, [SeriesTable])?
      for _ in 0..<Int.random(in: 1...5, using: &source.random) {
        var made = isLogs ? try source.logs(firstSequence: next) : try source.metrics(firstSequence: next)
        if let again = earlier, source.chance(50) {
          // The same tables and sources once more, so that merging has something to join.
          let shift = next - (again.1.map(\.sequence).min() ?? 1)
          made = (again.0, Set(again.1.map { $0.shifted(by: shift) }), again.2)
        }
        earlier = (made.0, made.1, made.2)
        for table in made.2 { tables[table.name] = table }
        for sealed in try sealer.seal(made.0, origin: origin, firstSequence: next) {
          #expect(try SealedBlock(verifying: sealed.block.bytes) == sealed.block)
          #expect(sealed.tables.map(\.name) == sealed.block.header.tables)
          blocks.append(sealed.block)
        }
        facts.formUnion(made.1)
        next += UInt64(made.0.rowCount)
      }
      let all = Array(tables.values)
      try expect(blocks, all, facts, opener, "sealed", round)
      let merged = try sealer.merge(blocks)
      #expect(merged.count == 1, "round \(round)")
      try expect(merged, all, facts, opener, "merged", round)

      var known: [ClosedRange<UInt64>] = []
      let range = blocks[0].header.sequences.lowerBound...(next - 1)
      var at = range.lowerBound
      while at <= range.upperBound {
        let end = min(range.upperBound, at + UInt64.random(in: 0...5, using: &source.random))
        if source.chance(40) { known.append(at...end) }
        at = end + 2
      }
      let left = facts.filter { fact in !known.contains { $0.contains(fact.sequence) } }
      for (name, input) in [("dropped", blocks), ("dropped from merged", merged)] {
        let dropped = try input.flatMap { try sealer.dropping(known, from: $0) }
        try expect(dropped, all, left, opener, name, round)
      }
    }
  }

  private func expect(
    _ blocks: [SealedBlock], _ tables: [SeriesTable], _ facts: Set<Fact>, _ opener: borrowing BlockOpener,
    _ what: String,
    _ round: Int
  ) throws {
    var found: Set<Fact> = []
    for block in blocks { found.formUnion(try Facts.of(block, tables, opener)) }
    let missing = facts.subtracting(found)
    let extra = found.subtracting(facts)
    #expect(
      missing.isEmpty && extra.isEmpty,
      "seed \(seed) round \(round) \(what): missing \(missing.prefix(3)) extra \(extra.prefix(3))")
  }
}

extension Fact {
  func shifted(by shift: UInt64) -> Fact {
    switch self {
    case .sample(let sequence, let labels, let time, let bits, let position):
      .sample(sequence: sequence &+ shift, labels: labels, time: time, bits: bits, position: position)
    case .histogram(let sequence, let labels, let time, let what, let position):
      .histogram(sequence: sequence &+ shift, labels: labels, time: time, what: what, position: position)
    case .exemplar(let sequence, let labels, let what, let position):
      .exemplar(sequence: sequence &+ shift, labels: labels, what: what, position: position)
    case .created(let sequence, let labels, let time, let position):
      .created(sequence: sequence &+ shift, labels: labels, time: time, position: position)
    case .entry(let sequence, let labels, let time, let line, let metadata):
      .entry(sequence: sequence &+ shift, labels: labels, time: time, line: line, metadata: metadata)
    case .row(let sequence, let source, let time): .row(sequence: sequence &+ shift, source: source, time: time)
    }
  }
}
