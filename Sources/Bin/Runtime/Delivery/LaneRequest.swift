import Codec
import Model

// One request until it has ended: sent, sent again, cut down, given up. The steps are RequestDecision's; this is what they do.
extension Lane {
  /// What became of a request.
  struct Ended: Sendable {
    /// False: it was left behind, because of a stop or because the cursor was moved.
    var isSettled = true
    /// What the destination refused for good, in order.
    var refused: [RefusedRows] = []
    var thereRows = 0

    var deadRows: Int { refused.reduce(0) { $0 + $1.rows } }
  }

  /// A part of a request.
  private struct Part {
    var blocks: [TabledBlock]
    /// It may have arrived already, with an answer that nobody has seen.
    var mayBeThere: Bool
    /// It exists because a larger part was refused or too large.
    var isCut = false

    /// Leaves out what the destination has though it refused others: neither is it asked for again, nor does it go to dead letters.
    mutating func keepRefused(of answer: Answer) {
      guard case .refused = answer.outcome, let refused = answer.refusedBlocks else { return }
      let kept = refused.filter { blocks.indices.contains($0) }.map { blocks[$0] }
      if !kept.isEmpty { blocks = kept }
    }

    var rows: Int { blocks.reduce(0) { $0 + $1.block.header.rowCount } }

    /// Samples or entries, of which a shard has about its share.
    func entries(_ shard: Shard?) -> Int {
      blocks.reduce(0) { $0 + $1.block.header.entryCount } / (shard?.count ?? 1)
    }
  }

  /// Returns when everything is delivered, refused for good, or left behind.
  func settle(
    _ blocks: [TabledBlock], shard: Shard?, mayBeThere: Bool, generation: UInt64, arePartsOfRows: Bool = false
  ) async -> Ended {
    var decision = RequestDecision(limits: limits, takesPartsOfRows: forwarder.takesPartsOfRows)
    var ended = Ended()
    // The next part stands last.
    var parts = [Part(blocks: blocks, mayBeThere: mayBeThere)]
    while var part = parts.popLast() {
      guard let allowed = await mayGo(part.entries(shard), generation) else {
        ended.isSettled = false
        return ended
      }
      let delivery = Delivery(
        blocks: part.blocks, generation: generation, shard: shard, mayHoldPartsOfRows: arePartsOfRows)
      let answer = await send(delivery, isCut: part.isCut)
      let step = decision.step(answer, mayBeThere: part.mayBeThere, random: .random(in: 0..<1))
      note(answer, entries: part.entries(shard), allowed: allowed, step)
      part.keepRefused(of: answer)
      switch step {
      case .settled(let alreadyThere):
        if alreadyThere { ended.thereRows += part.rows }
      case .again(let pause):
        if answer.mayHaveArrived { part.mayBeThere = true }
        parts.append(part)
        guard await wait(pause, generation) else {
          ended.isSettled = false
          return ended
        }
      case .split(let floor, let end):
        if let (first, second) = cut(part, shard, downTo: floor) {
          if end.isRefusal(of: answer.outcome) { decision.addRequests() }
          parts.append(second)
          parts.append(first)
        } else {
          finish(part, shard, end, &ended, generation)
        }
      case .end(let end): finish(part, shard, end, &ended, generation)
      }
    }
    return ended
  }

  private func finish(
    _ part: Part, _ shard: Shard?, _ end: RequestDecision.End, _ ended: inout Ended, _ generation: UInt64
  ) {
    switch end {
    // A row of the shard, which is as far as such a part is cut; others in the block are not meant.
    case .alreadyThere: ended.thereRows += shard == nil ? part.rows : 1
    case .deadLetter(let reason):
      let blocks = Self.rows(of: part.blocks, in: shard)
      if let last = ended.refused.last, last.reason == reason {
        ended.refused[ended.refused.count - 1].blocks += blocks
      } else {
        ended.refused.append(RefusedRows(blocks: blocks, reason: reason, generation: generation))
      }
    }
  }

  /// Blocks are halved by number, a single one by rows, a single row by series. Nil where that goes no further.
  private func cut(_ part: Part, _ shard: Shard?, downTo floor: RequestDecision.Floor) -> (Part, Part)? {
    func piece(_ blocks: [TabledBlock]) -> Part { Part(blocks: blocks, mayBeThere: part.mayBeThere, isCut: true) }
    guard let only = part.blocks.first, part.blocks.count == 1 else {
      let middle = part.blocks.count / 2
      return part.blocks.isEmpty ? nil : (piece(Array(part.blocks[..<middle])), piece(Array(part.blocks[middle...])))
    }
    // A block that cannot be read cannot be cut.
    guard var sealer = try? BlockSealer(), let halves = try? sealer.halves(of: only, shard: shard) else { return nil }
    switch halves {
    case .rows(let first, let second): return (piece([first]), piece([second]))
    case .series(let first, let second): return floor == .series ? (piece([first]), piece([second])) : nil
    case .indivisible: return nil
    }
  }

  /// A dead letter holds the rows that were refused and no others; a block that cannot be read goes there whole.
  private static func rows(of blocks: [TabledBlock], in shard: Shard?) -> [TabledBlock] {
    guard let shard else { return blocks }
    return blocks.flatMap { block -> [TabledBlock] in
      guard var sealer = try? BlockSealer(), let rows = try? sealer.rows(of: block, in: shard) else { return [block] }
      return rows
    }
  }
}
