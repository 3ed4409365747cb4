import Codec
import Model

// Rows on their way into the dead letters, and letters on their way out of them once more.
extension Lane {
  /// Puts refused rows away; false when a stop or a moved cursor came first. They are not acknowledged before this has succeeded. What is too large
  /// for one letter becomes several.
  func keep(_ letter: RefusedRows, _ generation: UInt64) async -> Bool {
    var backoff = Backoff(limits: limits)
    // The next part stands last, so that nothing is put away twice when a later part has to be tried again.
    var parts = [letter]
    while let part = parts.last {
      do {
        let dropped = try await deadLetters.add(part)
        noteLetter(part, dropped)
        parts.removeLast()
        backoff.succeed()
        continue
      } catch let error as LetterTooLarge {
        if let (first, second) = halves(of: part) {
          parts.removeLast()
          parts += [second, first]
          continue
        }
        noteLetterTrouble(error.reason)
      } catch {
        noteLetterTrouble("\(error)")
      }
      guard await wait(backoff.fail(asked: nil, random: .random(in: 0..<1)), generation) else { return false }
    }
    return true
  }

  /// Nil where it goes no further: a single row of a forwarder that knows rows by number stays one, with at most a block's bytes and its tables'.
  private func halves(of letter: RefusedRows) -> (RefusedRows, RefusedRows)? {
    func part(_ blocks: [TabledBlock]) -> RefusedRows {
      RefusedRows(blocks: blocks, reason: letter.reason, generation: letter.generation)
    }
    if letter.blocks.count > 1 {
      let middle = letter.blocks.count / 2
      return (part(Array(letter.blocks[..<middle])), part(Array(letter.blocks[middle...])))
    }
    guard let only = letter.blocks.first, var sealer = try? BlockSealer(), let halves = try? sealer.halves(of: only)
    else { return nil }
    switch halves {
    case .rows(let first, let second): return (part([first]), part([second]))
    case .series(let first, let second):
      return forwarder.takesPartsOfRows ? (part([first]), part([second])) : nil
    case .indivisible: return nil
    }
  }

  // MARK: - Once more

  func addLook(
    at pause: Duration, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) {
    group.addTask {
      // Not the lane's own clock, which in tests takes no time.
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      happened.yield(.look)
    }
  }

  /// Not while letters are in hand: one that is being sent would be found again.
  func look(_ run: inout Run, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup) {
    guard !run.isLooking, !run.isStopping, run.letters.isEmpty else { return }
    run.isLooking = true
    group.addTask {
      do {
        let letters = try await self.deadLetters.redriven()
        self.noteLetterTrouble("")
        happened.yield(.letters(letters))
      } catch {
        self.noteLetterTrouble("\(error)")
        happened.yield(.letters([]))
      }
    }
  }

  func begin(
    _ letters: [RedrivenLetter], _ run: inout Run, _ happened: AsyncStream<Event>.Continuation,
    _ group: inout DiscardingTaskGroup
  ) {
    guard run.letters.isEmpty else { return }
    run.letters = letters
    sendFirstLetter(&run, happened, &group)
  }

  /// One at a time and oldest first, since letters may hold rows of the same series.
  func sendFirstLetter(
    _ run: inout Run, _ happened: AsyncStream<Event>.Continuation, _ group: inout DiscardingTaskGroup
  ) {
    guard let letter = run.letters.first else { return }
    let generation = run.generation
    group.addTask {
      await self.resend(letter, generation)
      happened.yield(.letterEnded)
    }
  }

  /// What is refused again, in whole or in part, becomes a dead letter again; the rest is gone from there.
  private func resend(_ letter: RedrivenLetter, _ generation: UInt64) async {
    let ended = await settle(
      letter.blocks, shard: nil, mayBeThere: false, generation: generation, arePartsOfRows: true)
    guard ended.isSettled else { return }
    do {
      if let refused = ended.refused.first, ended.refused.count == 1, refused.entries == letter.entries {
        try await deadLetters.putBack(letter.number, reason: refused.reason)
        return
      }
      for refused in ended.refused {
        guard await keep(refused, generation) else { return }
      }
      try await deadLetters.remove(letter.number)
    } catch {
      // It is still marked, and comes again with the next look.
      noteLetterTrouble("letter \(letter.number): \(error)")
    }
  }
}
